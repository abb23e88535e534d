use super::*;

const PLAIN: &str = include_str!("../../../../tests/vectors/keys/plain.pem");
const PBKDF2: &str = include_str!("../../../../tests/vectors/keys/pbkdf2.pem");
const SCRYPT: &str = include_str!("../../../../tests/vectors/keys/scrypt.pem");
const PBE: &str = include_str!("../../../../tests/vectors/keys/pbe-sha1-3des.pem");
const P256: &str = include_str!("../../../../tests/vectors/keys/p256.pem");
const V2: &str = include_str!("../../../../tests/vectors/keys/rfc8410-v2.pem");

fn key() -> SecretKey {
    SecretKey::from_seed(&[7; 32])
}

fn nobody() -> io::Result<Option<Zeroizing<String>>> {
    Ok(None)
}

fn answers(passphrase: &str) -> impl Fn() -> io::Result<Option<Zeroizing<String>>> {
    move || Ok(Some(Zeroizing::new(passphrase.to_owned())))
}

fn fault(pem: &str) -> PemError {
    decode(pem.as_bytes(), &answers("correct horse")).unwrap_err()
}

/// The same PEM with one run of DER bytes exchanged for another of the same length.
fn altered(pem: &str, from: &str, to: &str) -> String {
    let (label, document) = SecretDocument::from_pem(pem).unwrap();
    let document = hex::encode(document.as_bytes());
    assert_eq!(document.matches(from).count(), 1);
    let document = hex::decode(document.replacen(from, to, 1)).unwrap();
    pkcs8::der::pem::encode_string(label, LineEnding::LF, &document).unwrap()
}

#[test]
fn writes_what_openssl_writes() {
    assert_eq!(*encode(&key(), None).unwrap(), PLAIN);
}

#[test]
fn reads_what_openssl_wrote() {
    let plain = decode(PLAIN.as_bytes(), &nobody).unwrap();
    assert_eq!(plain.public(), key().public());
    for pem in [PBKDF2, SCRYPT] {
        let read = decode(pem.as_bytes(), &answers("correct horse")).unwrap();
        assert_eq!(read.to_seed(), [7; 32]);
    }
}

#[test]
fn reads_the_second_version_and_compares_its_public_key() {
    let read = decode(V2.as_bytes(), &nobody).unwrap();
    assert_eq!(
        read.public().to_string(),
        "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1"
    );
    let forged = altered(V2, "19bf4409", "19bf4408");
    assert!(matches!(fault(&forged), PemError::OtherPublicKey));
}

#[test]
fn an_encrypted_key_opens_with_its_passphrase_only() {
    let pem = encode(&key(), Some("pass")).unwrap();
    assert!(pem.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
    let again = encode(&key(), Some("pass")).unwrap();
    assert_ne!(pem, again, "salt and IV are new each time");
    let read = decode(pem.as_bytes(), &answers("pass")).unwrap();
    assert_eq!(read.public(), key().public());
    for wrong in ["", "Pass", "pass "] {
        let fault = decode(pem.as_bytes(), &answers(wrong)).unwrap_err();
        assert!(matches!(fault, PemError::WrongPassphrase), "{fault}");
    }
}

/// About one wrong passphrase in 256 leaves noise that ends like a whole message.
#[test]
fn noise_is_never_taken_for_a_key() {
    for i in 0..600 {
        let fault = decode(PBKDF2.as_bytes(), &answers(&format!("wrong {i}"))).unwrap_err();
        assert!(matches!(fault, PemError::WrongPassphrase), "{i}: {fault}");
    }
}

#[test]
fn the_passphrase_is_asked_for_only_where_it_is_needed() {
    let refuses = || Err(io::Error::other("no terminal"));
    assert!(decode(PLAIN.as_bytes(), &refuses).is_ok());
    let missing = decode(SCRYPT.as_bytes(), &nobody).unwrap_err();
    assert!(matches!(missing, PemError::NoPassphrase), "{missing}");
    let unread = decode(SCRYPT.as_bytes(), &refuses).unwrap_err();
    assert!(unread.to_string().contains("no terminal"), "{unread}");
    let empty = encode(&key(), Some("")).unwrap_err();
    assert!(matches!(empty, PemError::EmptyPassphrase), "{empty}");
}

#[test]
fn other_keys_and_other_files_are_told_apart() {
    assert!(matches!(fault(""), PemError::NotPem));
    assert!(matches!(fault("\0\n"), PemError::NotPem));
    let p256 = fault(P256).to_string();
    assert!(p256.contains("1.2.840.10045.2.1"), "{p256}");
    let public = PLAIN.replace("PRIVATE KEY", "PUBLIC KEY");
    let public = fault(&public).to_string();
    assert!(public.starts_with("holds a `PUBLIC KEY`"), "{public}");
    let openssh = PLAIN.replace("PRIVATE KEY", "OPENSSH PRIVATE KEY");
    assert!(matches!(fault(&openssh), PemError::Damaged));
    assert!(matches!(fault(PBE), PemError::UnsupportedEncryption));
    let swapped = PLAIN.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    assert!(matches!(fault(&swapped), PemError::UnsupportedEncryption));
    let swapped = SCRYPT.replace("ENCRYPTED ", "");
    assert!(matches!(fault(&swapped), PemError::Damaged));
}

#[test]
fn a_seed_of_another_length_is_refused() {
    // 33 bytes of octet string announced inside the 34.
    let inner = altered(PLAIN, "04220420", "04220421");
    assert!(matches!(fault(&inner), PemError::Damaged));
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    for pem in [PLAIN, V2, PBKDF2] {
        for end in 0..pem.len() - 1 {
            let cut = decode(&pem.as_bytes()[..end], &answers("correct horse"));
            assert!(cut.is_err(), "{end} bytes of {pem}");
        }
    }
}

#[test]
fn a_file_cannot_demand_absurd_work() {
    // scrypt: N = 2^14, r = 8, p = 1 becomes r = p = 127.
    let dear = altered(SCRYPT, "02024000020108020101", "0202400002017f02017f");
    assert!(matches!(fault(&dear), PemError::Exorbitant));

    let document = SecretDocument::from_pem(PBKDF2).unwrap().1;
    let pbkdf2 = EncryptedPrivateKeyInfoRef::from_der(document.as_bytes()).unwrap();
    for (iterations, allowed) in [
        (0, false),
        (1, true),
        (PBKDF2_ITERATIONS_LIMIT, true),
        (PBKDF2_ITERATIONS_LIMIT + 1, false),
        (u32::MAX, false),
    ] {
        let mut scheme = pbkdf2.encryption_algorithm.clone();
        if let pkcs5::EncryptionScheme::Pbes2(parameters) = &mut scheme
            && let pbes2::Kdf::Pbkdf2(cost) = &mut parameters.kdf
        {
            cost.iteration_count = iterations;
        }
        assert_eq!(refuse_exorbitant(&scheme).is_ok(), allowed, "{iterations}");
    }
}

/// The library panics where N is zero, and refuses by itself where it is no power of two.
#[test]
fn odd_scrypt_costs_are_refused_without_a_panic() {
    let document = SecretDocument::from_pem(SCRYPT).unwrap().1;
    let scrypt = EncryptedPrivateKeyInfoRef::from_der(document.as_bytes()).unwrap();
    for (n, r, p) in [
        (0, 8, 1),
        (1 << 14, 0, 1),
        (1 << 14, 8, 0),
        (u64::MAX, u16::MAX, u16::MAX),
        (1 << 21, 8, 1),
    ] {
        let mut scheme = scrypt.encryption_algorithm.clone();
        if let pkcs5::EncryptionScheme::Pbes2(parameters) = &mut scheme
            && let pbes2::Kdf::Scrypt(cost) = &mut parameters.kdf
        {
            (cost.cost_parameter, cost.block_size, cost.parallelization) = (n, r, p);
        }
        let fault = refuse_exorbitant(&scheme).unwrap_err();
        assert!(matches!(fault, PemError::Exorbitant), "{n} {r} {p}");
    }
    let odd = altered(SCRYPT, "0202400002", "0202400102");
    assert!(matches!(fault(&odd), PemError::UnsupportedEncryption));
}

/// Made by `ssh-keygen -t ed25519 -N ''`, for this test alone.
const OPENSSH: &str = "\
-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW
QyNTUxOQAAACCh6rWflGpbxd4pTWTpYW/1Fj7QNWrVRnp3J6xC6dGuTwAAAIgxhq72MYau
9gAAAAtzc2gtZWQyNTUxOQAAACCh6rWflGpbxd4pTWTpYW/1Fj7QNWrVRnp3J6xC6dGuTw
AAAECDrwJESWFwyyPuF3OQW6e0cfYzA7yEKKLnXIp5hD5EMaHqtZ+UalvF3ilNZOlhb/UW
PtA1atVGencnrELp0a5PAAAABHRlc3QB
-----END OPENSSH PRIVATE KEY-----
";
const OPENSSH_PUBLIC: &str = "a1eab59f946a5bc5de294d64e9616ff5163ed0356ad5467a7727ac42e9d1ae4f";

/// Made by `ssh-keygen -t ed25519 -N 'correct horse'`.
const OPENSSH_ENCRYPTED: &str = "\
-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABDNwy3tGK
NZlTWuhatGvD5+AAAAEAAAAAEAAAAzAAAAC3NzaC1lZDI1NTE5AAAAIJyIAzoHbhE06ksY
u3A5QRi3PMGZezPYDSANTfuupu7PAAAAkLf6bk8T4GJzlghG5+11DAgRBC36nadEuAJ4Ft
yiauImjz0jIEqAaQ8hcZkXJE6Lg5vCUiIijPBZMF1nBLz4gX59zNTI/vyOQAo5i9E7cmAn
gs1bNffxnc+h07J8+W1HGbuwslU9xQ5x1pKlvgmPLK3pKMc2Xl3Nkr0RT6hXE00vOqFlOj
INQf+1d9jt3QmEHA==
-----END OPENSSH PRIVATE KEY-----
";

/// Made by `ssh-keygen -t ecdsa`.
const OPENSSH_ECDSA: &str = "\
-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAaAAAABNlY2RzYS
1zaGEyLW5pc3RwMjU2AAAACG5pc3RwMjU2AAAAQQQZl2KXOlvg73giOXAuyJxtPR4wpTXC
55450ZeXm3H9fiSn0MhStrdcp9o9C/0+/Nk2p708xQ1Lrjsv3XAJZ7kKAAAAoDPfz7Uz38
+1AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBBmXYpc6W+DveCI5
cC7InG09HjClNcLnnjnRl5ebcf1+JKfQyFK2t1yn2j0L/T782TanvTzFDUuuOy/dcAlnuQ
oAAAAgBwDMbNyZqp9UOglef/k+ZGU5Cl2j0jFtLwr7egyzAIkAAAAEdGVzdAECAwQ=
-----END OPENSSH PRIVATE KEY-----
";

#[test]
fn openssh_keys_are_read_as_ssh_keygen_writes_them() {
    let none = || Ok(None);
    let right = || Ok(Some(Zeroizing::new("correct horse".to_owned())));
    let wrong = || Ok(Some(Zeroizing::new("correct house".to_owned())));
    let plain = decode(OPENSSH.as_bytes(), &none).unwrap();
    assert_eq!(plain.public().to_string(), OPENSSH_PUBLIC);
    assert!(decode(OPENSSH_ENCRYPTED.as_bytes(), &right).is_ok());
    let locked = decode(OPENSSH_ENCRYPTED.as_bytes(), &none).unwrap_err();
    assert!(matches!(locked, PemError::NoPassphrase), "{locked}");
    let unopened = decode(OPENSSH_ENCRYPTED.as_bytes(), &wrong).unwrap_err();
    assert!(matches!(unopened, PemError::WrongPassphrase), "{unopened}");
    let ecdsa = decode(OPENSSH_ECDSA.as_bytes(), &none).unwrap_err();
    assert!(matches!(ecdsa, PemError::NotEd25519(_)), "{ecdsa}");
}

#[test]
fn no_changed_character_of_an_openssh_key_gives_another_key() {
    let none = || Ok(None);
    for at in 0..OPENSSH.len() {
        let mut bent = OPENSSH.as_bytes().to_vec();
        bent[at] = if bent[at] == b'A' { b'B' } else { b'A' };
        if let Ok(key) = decode(&bent, &none) {
            assert_eq!(key.public().to_string(), OPENSSH_PUBLIC, "character {at}");
        }
    }
}
