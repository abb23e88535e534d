use std::io::Write;
use std::os::unix::fs::FileExt;
use std::time::Instant;
use rotation_ledger::append::*;
use rotation_ledger::append::draft::Draft;
use rotation_ledger::key::SecretKey;
use rotation_ledger::sys::world::World;
use rotation_ledger::text::*;
use rotation_ledger::note::Origin;
use serde_json::json;

const BATCHES: usize = 40;
fn cpu() -> f64 { let s = std::fs::read_to_string("/proc/self/stat").unwrap(); let r: Vec<&str> = s.rsplit(')').next().unwrap().split_whitespace().collect(); (r[11].parse::<f64>().unwrap() + r[12].parse::<f64>().unwrap()) / 100.0 }
fn main() {
    let root = tempfile::tempdir_in(std::env::args().nth(1).unwrap_or("/tmp".into())).unwrap();
    let world = World::system();
    let place = Place { dir: root.path().join("l"), state: root.path().join("s") };
    let owner = SecretKey::from_seed(&[1; 32]);
    let op = SecretKey::from_seed(&[3; 32]);
    create(&world, &place, &Founding { origin: Origin::new("ledger.example/m").unwrap(), actor: Id::new("ann").unwrap(), name: Line::new("Ann").unwrap(), key: &owner }).unwrap();
    let mut w = Writer::open(&world, &place, std::time::Duration::from_secs(1)).unwrap();
    let ledger = w.ledger();
    let sign = |key: &SecretKey, d: serde_json::Value| Draft::from_json(&d.to_string()).unwrap().sign(ledger, key, &world, vec![], &[]).unwrap();
    let en = sign(&owner, json!({"event":"actor.enrolled","actor":"olga","name":"O","kind":"human","roles":["operator"],"key":op.public(),"possession":op.prove_possession()}));
    let sec = sign(&owner, json!({"event":"secret.registered","secret":"db/orders","name":"n","class":"database_credential","environment":"prod","store":"vault:kv/orders","owner":"t","consumers":["api"],"dual_run":true}));
    assert!(w.append(vec![en, sec]).refused.is_none());
    let seen = |n: usize| sign(&op, json!({"event":"source.observed","source":"vault audit log","record":format!("record-{n}"),"record_sha256":"00".repeat(32),"observed":format!("version read by service {n}"),"secret":"db/orders"}));
    let n: usize = std::env::var("N").map_or(2000, |v| v.parse().unwrap());
    // the same bytes, raw
    let batch: Vec<_> = (0..n).map(seen).collect();
    let len = batch.first().map_or(500, |b| b.statement.bytes().len() + 150 + 24);
    for round in 0..if n > 0 { 3 } else { 0 } {
        let mut f = std::fs::File::create(root.path().join("raw")).unwrap();
        let bytes = vec![7u8; len];
        let t = Instant::now();
        for _ in 0..n { f.write_all(&bytes).unwrap(); f.sync_data().unwrap(); }
        let raw = t.elapsed();
        f.set_len(0).unwrap(); f.write_all_at(&vec![0u8; 4<<20], 0).unwrap(); f.sync_data().unwrap();
        let t = Instant::now();
        for i in 0..n { f.write_all_at(&bytes, (i*len) as u64).unwrap(); f.sync_data().unwrap(); }
        let pre = t.elapsed();
        let subs: Vec<_> = (0..n).map(|i| seen(i + round * n)).collect();
        let t = Instant::now();
        let c0 = cpu(); let mut worst = std::time::Duration::ZERO;
        let mut sum = std::time::Duration::ZERO; let mut cnt = 0;
        for s in subs { let t1 = Instant::now(); assert!(w.append(vec![s]).refused.is_none()); let e = t1.elapsed(); worst = worst.max(e); if w.size() % 256 > 8 { sum += e; cnt += 1; } }
        let ours = t.elapsed(); println!("cpu per single {:.1} us", (cpu()-c0)*1e6/n as f64);
        println!("single: raw append {:?}  preallocated {:?}  ledger {:?}  (unsealing {:?}, worst {:?})  ratio raw/ours {:.2}", raw / n as u32, pre / n as u32, ours / n as u32, sum / cnt, worst, raw.as_secs_f64() / ours.as_secs_f64());
    }
    for _ in 0..2 {
        let batches: Vec<Vec<_>> = (0..BATCHES).map(|_| (0..1000).map(seen).collect()).collect();
        let t = Instant::now(); let c0 = cpu();
        for b in batches { let o = w.append(b); assert!(o.refused.is_none(), "{:?}", o.refused); assert_eq!(o.receipts.len(), 1000); }
        let e = t.elapsed();
        println!("cpu per batched entry {:.1} us", (cpu()-c0)*1e6/(BATCHES*1000) as f64); println!("batched: {:.0} entries/s", (BATCHES*1000) as f64 / e.as_secs_f64());
    }
    { let s = seen(5); let st = rotation_ledger::statement::Statement::decode(s.statement.bytes()).unwrap();
      let v = op.public().admit().unwrap(); let c = cpu(); let t=Instant::now(); for _ in 0..20000 { assert!(s.statement.is_signed_by(&v)); } println!("verify cpu {:.1} us wall {:?}", (cpu()-c)*1e6/20000.0, t.elapsed()/20000);
      let c = cpu(); for _ in 0..20000 { st.event.fields(&mut |sp, f| f.each_text(&mut |x| { let cl = match sp.kind { rotation_ledger::event::field::FieldKind::Line => rotation_ledger::guard::FieldClass::Line, _ => rotation_ledger::guard::FieldClass::Id }; assert!(rotation_ledger::guard::scan_field(cl, x).is_none()); })); } println!("guard {:.1} us", (cpu()-c)*1e6/20000.0);
      let c = cpu(); for _ in 0..20000 { std::hint::black_box(rotation_ledger::statement::Statement::decode(s.statement.bytes()).unwrap()); } println!("decode {:.1} us", (cpu()-c)*1e6/20000.0);
      let c = cpu(); for _ in 0..20000 { std::hint::black_box(op.sign(b"hello")); } println!("sign {:.1} us", (cpu()-c)*1e6/20000.0);
      let c = cpu(); for _ in 0..20000 { std::hint::black_box(rotation_ledger::hash::LeafHash::of(s.statement.bytes())); } println!("leaf {:.1} us", (cpu()-c)*1e6/20000.0);
      let c = cpu(); for _ in 0..20000 { std::hint::black_box(rotation_ledger::hash::Link::of(s.statement.bytes())); } println!("link {:.1} us", (cpu()-c)*1e6/20000.0);
    }
    println!("notices {:?}", w.notices());
    let t = Instant::now(); w.close(); println!("close {:?}", t.elapsed());
    for _ in 0..3 {
    let t = Instant::now(); let mut w = Writer::open(&world, &place, std::time::Duration::from_secs(1)).unwrap(); let o = t.elapsed();
    let s = seen(1); let t1 = Instant::now(); assert!(w.append(vec![s]).refused.is_none()); let a = t1.elapsed(); let t2 = Instant::now(); w.close();
    println!("open {:?} append {:?} close {:?}", o, a, t2.elapsed()); }
}
