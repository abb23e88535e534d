"""Changes one bit in a file, a third of the way in: `spoil.py FILE`."""
import pathlib, sys
path = pathlib.Path(sys.argv[1])
data = bytearray(path.read_bytes())
data[len(data) // 3] ^= 1
path.write_bytes(data)
