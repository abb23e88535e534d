//! Many signatures by few keys: a table of multiples for each key, so that nothing is doubled, and one inversion for
//! a group.
//!
//! It only ever decides "accept". R = sB − kA is computed with no short cut (RFC 8032, section 5.1.7, without the
//! cofactor), and its encoding compared with the R that was given: a signature whose R is encoded in another than its
//! one way, or has a part of small order that sB − kA has not, is not accepted here. What `verify_strict` refuses
//! besides that, an s that is not reduced and an R of small order, is refused before; keys are admitted first.
//! Whatever is not accepted is asked of `verify_strict`, so that its verdict stands in every case.
//!
//! Signatures and keys are public, so the time that this takes may tell of them. Field arithmetic is that of
//! `fiat-crypto`, which is proven against its specification.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, OnceLock, PoisonError, RwLock};

use curve25519_dalek::Scalar;
use curve25519_dalek::constants::{ED25519_BASEPOINT_COMPRESSED, EIGHT_TORSION};
use fiat_crypto::curve25519_64::{
    fiat_25519_add, fiat_25519_carry, fiat_25519_carry_mul, fiat_25519_carry_square,
    fiat_25519_from_bytes, fiat_25519_loose_field_element as Loose, fiat_25519_relax,
    fiat_25519_sub, fiat_25519_tight_field_element as Tight, fiat_25519_to_bytes,
};
use sha2::{Digest as _, Sha512};

use crate::key::{PublicKey, Signature};

/// Signatures after which the table of a key has paid for itself: it takes as long to make as some sixty checks.
const WORTH: u32 = 256;
/// Tables that are kept, half a MiB each. A forged ledger of many keys must not fill the memory.
const MOST: usize = 64;
/// Keys whose signatures are counted.
const COUNTED: usize = 4_096;

/// Rows of a table, one for each byte of a scalar, and multiples in each: 0 to 128, since a digit may be negative.
const ROWS: usize = 32;
const ROW: usize = 129;

/// 2d of the curve, little-endian.
const D2: [u8; 32] = [
    0x59, 0xf1, 0xb2, 0x26, 0x94, 0x9b, 0xd6, 0xeb, 0x56, 0xb1, 0x83, 0x82, 0x9a, 0x14, 0xe0, 0x00,
    0x30, 0xd1, 0xf3, 0xee, 0xf2, 0x80, 0x8e, 0x19, 0xe7, 0xfc, 0xdf, 0x56, 0xdc, 0xd9, 0x06, 0x24,
];
const ZERO: Tight = Tight([0; 5]);
const ONE: Tight = Tight([1, 0, 0, 0, 0]);

/// A signature that is to be checked.
#[derive(Debug, Clone, Copy)]
pub struct SignedMessage<'a> {
    /// Whose it is to be.
    pub key: PublicKey,
    /// What is to be signed.
    pub message: &'a [u8],
    /// The signature.
    pub signature: &'a Signature,
}

/// Whether each signature is its key's, by the strict rule.
#[must_use]
pub fn hold(group: &[SignedMessage<'_>]) -> Vec<bool> {
    let mut accepted = accepted(group, &tables_of(group));
    for (accepted, one) in accepted.iter_mut().zip(group) {
        *accepted = *accepted || strictly(one);
    }
    accepted
}

fn strictly(one: &SignedMessage<'_>) -> bool {
    let key = one.key.admit_once();
    key.is_some_and(|key| key.accepts(one.message, one.signature))
}

/// Which of a group's signatures the tables accept.
fn accepted(group: &[SignedMessage<'_>], tables: &HashMap<PublicKey, Arc<Table>>) -> Vec<bool> {
    let sum = |one| Some((one, sum(one, tables.get(&one.key)?)?));
    encoded(
        &group
            .iter()
            .map(|one: &SignedMessage<'_>| sum(one))
            .collect::<Vec<_>>(),
    )
}

/// The tables of the keys in a group that have one. Counts what the keys signed, and makes tables where that pays.
fn tables_of(group: &[SignedMessage<'_>]) -> HashMap<PublicKey, Arc<Table>> {
    type Counted = HashMap<PublicKey, (u32, Option<Arc<Table>>)>;
    static KEYS: LazyLock<RwLock<Counted>> = LazyLock::new(RwLock::default);
    let mut uses: HashMap<PublicKey, u32> = HashMap::new();
    for one in group {
        *uses.entry(one.key).or_default() += 1;
    }
    let mut keys = KEYS.write().unwrap_or_else(PoisonError::into_inner);
    if keys.len() > COUNTED {
        keys.retain(|_, (_, table)| table.is_some());
    }
    let mut made = keys.values().filter(|(_, table)| table.is_some()).count();
    let mut found = HashMap::new();
    for (key, new) in uses {
        let (all, table) = keys.entry(key).or_default();
        *all = all.saturating_add(new);
        // Only keys that are admitted have tables: `sum` rests on a point of full order without torsion.
        if *all >= WORTH && table.is_none() && made < MOST && key.admit_once().is_some() {
            *table = Table::of(key.as_bytes(), true).map(Arc::new);
            made += 1;
        }
        found.extend(table.clone().map(|table| (key, table)));
    }
    found
}

/// sB − kA, where the signature is one that the strict rule would look at.
fn sum(one: &SignedMessage<'_>, key: &Table) -> Option<Point> {
    static BASE: OnceLock<Option<Table>> = OnceLock::new();
    static SMALL: LazyLock<[[u8; 32]; 8]> =
        LazyLock::new(|| EIGHT_TORSION.map(|point| point.compress().to_bytes()));
    let base = BASE.get_or_init(|| Table::of(ED25519_BASEPOINT_COMPRESSED.as_bytes(), false));
    let base = base.as_ref()?;
    let (r, s) = one.signature.as_bytes().split_first_chunk::<32>()?;
    let s: Option<Scalar> = Scalar::from_canonical_bytes(s.try_into().ok()?).into();
    if SMALL.contains(r) {
        return None;
    }
    let mut hash = Sha512::new();
    hash.update(r);
    hash.update(one.key.as_bytes());
    hash.update(one.message);
    let k = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
    let (s, k) = (digits(s?.as_bytes()), digits(k.as_bytes()));
    let mut sum = Point::NOTHING;
    for (row, (s, k)) in s.into_iter().zip(k).enumerate() {
        sum = sum.plus(base.multiple(row, s)?, s < 0);
        sum = sum.plus(key.multiple(row, k)?, k < 0);
    }
    Some(sum)
}

/// Whether each sum has the encoding that its signature begins with.
fn encoded(sums: &[Option<(&SignedMessage<'_>, Point)>]) -> Vec<bool> {
    let z = |sum: &Option<(&SignedMessage<'_>, Point)>| sum.as_ref().map_or(ONE, |(_, sum)| sum.z);
    let inverses = inverses(sums.iter().map(z).collect());
    let is_r = |(sum, inverse): (&Option<(&SignedMessage<'_>, Point)>, Tight)| {
        sum.as_ref().is_some_and(|(one, sum)| {
            let mut bytes = bytes(&mul(&sum.y, &inverse));
            let [low, ..] = self::bytes(&mul(&sum.x, &inverse));
            bytes[31] |= low << 7;
            one.signature.as_bytes().starts_with(&bytes)
        })
    };
    sums.iter().zip(inverses).map(is_r).collect()
}

/// The inverse of each of these, none of which is zero, by inverting their product (Montgomery's trick).
fn inverses(elements: Vec<Tight>) -> Vec<Tight> {
    let mut product = ONE;
    let mut before = Vec::with_capacity(elements.len());
    for element in &elements {
        before.push(product);
        product = mul(&product, element);
    }
    let mut rest = inverse(&product);
    let mut inverses = elements;
    for (element, before) in inverses.iter_mut().zip(before).rev() {
        let inverse = mul(&rest, &before);
        rest = mul(&rest, element);
        *element = inverse;
    }
    inverses
}

/// A scalar in 32 digits of −127 to 128, the least first.
fn digits(scalar: &[u8; 32]) -> [i16; 32] {
    let mut carry = 0;
    // The last digit takes the carry: a reduced scalar has it below 17.
    scalar.map(|byte| {
        let digit = i16::from(byte) + carry;
        carry = i16::from(digit > 128);
        digit - 256 * carry
    })
}

/// A point of the curve in extended coordinates (RFC 8032, section 5.1.4).
#[derive(Clone, Copy)]
struct Point {
    x: Tight,
    y: Tight,
    z: Tight,
    t: Tight,
}

/// y + x, y − x and 2dxy of a point: what it takes to add it. On lines of the cache of its own.
#[derive(Clone, Copy)]
#[repr(align(128))]
struct Addend {
    plus: Loose,
    minus: Loose,
    t: Loose,
}

/// For each i below 32, the multiples 0 to 128 of 256^i times a point.
struct Table(Vec<Addend>);

impl Point {
    const NOTHING: Self = Self {
        x: ZERO,
        y: ONE,
        z: ONE,
        t: ZERO,
    };

    /// The point that these bytes encode in their one way.
    fn decode(encoded: &[u8; 32]) -> Option<Self> {
        let mut low = *encoded;
        let sign = low[31] >> 7;
        low[31] &= 0x7f;
        let mut y = ZERO;
        fiat_25519_from_bytes(&mut y, &low);
        let two = carried(&sum_of(&ONE, &ONE));
        let d = mul(&element(&D2), &inverse(&two));
        let yy = square(&y);
        let (u, v) = (
            carried(&difference(&yy, &ONE)),
            carried(&sum_of(&mul(&yy, &d), &ONE)),
        );
        // RFC 8032, section 5.1.3: x = u v³ (u v⁷)^((p−5)/8), times a root of −1 where need be.
        let v3 = mul(&square(&v), &v);
        let v7 = mul(&square(&v3), &v);
        let mut x = mul(&mul(&u, &v3), &to_p58(&mul(&u, &v7)));
        let vxx = mul(&v, &square(&x));
        if bytes(&vxx) != bytes(&u) {
            if bytes(&vxx) != bytes(&carried(&difference(&ZERO, &u))) {
                return None;
            }
            // 2^((p−1)/4)
            x = mul(&x, &mul(&square(&to_p58(&two)), &two));
        }
        let [first, ..] = bytes(&x);
        if first & 1 != sign {
            x = carried(&difference(&ZERO, &x));
        }
        let t = mul(&x, &y);
        Some(Self { x, y, z: ONE, t })
    }

    fn negated(self) -> Self {
        Self {
            x: carried(&difference(&ZERO, &self.x)),
            t: carried(&difference(&ZERO, &self.t)),
            ..self
        }
    }

    /// The sum with a point of z = 1, or with its negative. Complete, as the curve's law is.
    fn plus(&self, addend: &Addend, negative: bool) -> Self {
        let (plus, minus) = match negative {
            false => (&addend.plus, &addend.minus),
            true => (&addend.minus, &addend.plus),
        };
        let a = mul_loose(&difference(&self.y, &self.x), minus);
        let b = mul_loose(&sum_of(&self.y, &self.x), plus);
        let c = mul_loose(&relaxed(&self.t), &addend.t);
        let d = carried(&sum_of(&self.z, &self.z));
        let (e, h) = (difference(&b, &a), sum_of(&b, &a));
        let (f, g) = match negative {
            false => (difference(&d, &c), sum_of(&d, &c)),
            true => (sum_of(&d, &c), difference(&d, &c)),
        };
        Self {
            x: mul_loose(&e, &f),
            y: mul_loose(&g, &h),
            z: mul_loose(&f, &g),
            t: mul_loose(&e, &h),
        }
    }

    /// What it takes to add it, given the inverse of its z.
    fn addend(&self, inverse: &Tight) -> Addend {
        let (x, y) = (mul(&self.x, inverse), mul(&self.y, inverse));
        Addend {
            plus: relaxed(&carried(&sum_of(&y, &x))),
            minus: relaxed(&carried(&difference(&y, &x))),
            t: relaxed(&mul(&mul(&x, &y), &element(&D2))),
        }
    }
}

impl Table {
    /// Of the point that these bytes encode, negated where asked for.
    fn of(encoded: &[u8; 32], negate: bool) -> Option<Self> {
        let point = Point::decode(encoded)?;
        let mut base = if negate { point.negated() } else { point };
        let mut points = Vec::with_capacity(ROWS * ROW);
        for _ in 0..ROWS {
            let addend = base.addend(&inverse(&base.z));
            let mut multiple = Point::NOTHING;
            points.push(multiple);
            for _ in 1..ROW {
                multiple = multiple.plus(&addend, false);
                points.push(multiple);
            }
            // 256 times the row's point: twice its 128th multiple.
            base = multiple.plus(&multiple.addend(&inverse(&multiple.z)), false);
        }
        let inverses = inverses(points.iter().map(|point| point.z).collect());
        let addends = points.iter().zip(&inverses);
        Some(Self(
            addends
                .map(|(point, inverse)| point.addend(inverse))
                .collect(),
        ))
    }

    fn multiple(&self, row: usize, digit: i16) -> Option<&Addend> {
        self.0.get(row * ROW + usize::from(digit.unsigned_abs()))
    }
}

fn sum_of(a: &Tight, b: &Tight) -> Loose {
    let mut sum = Loose([0; 5]);
    fiat_25519_add(&mut sum, a, b);
    sum
}

fn difference(a: &Tight, b: &Tight) -> Loose {
    let mut difference = Loose([0; 5]);
    fiat_25519_sub(&mut difference, a, b);
    difference
}

fn carried(a: &Loose) -> Tight {
    let mut carried = ZERO;
    fiat_25519_carry(&mut carried, a);
    carried
}

fn relaxed(a: &Tight) -> Loose {
    let mut relaxed = Loose([0; 5]);
    fiat_25519_relax(&mut relaxed, a);
    relaxed
}

fn mul_loose(a: &Loose, b: &Loose) -> Tight {
    let mut product = ZERO;
    fiat_25519_carry_mul(&mut product, a, b);
    product
}

fn mul(a: &Tight, b: &Tight) -> Tight {
    mul_loose(&relaxed(a), &relaxed(b))
}

fn square(a: &Tight) -> Tight {
    let mut square = ZERO;
    fiat_25519_carry_square(&mut square, &relaxed(a));
    square
}

fn squared(a: &Tight, times: usize) -> Tight {
    (0..times).fold(*a, |a, _| square(&a))
}

fn element(bytes: &[u8; 32]) -> Tight {
    let mut element = ZERO;
    fiat_25519_from_bytes(&mut element, bytes);
    element
}

/// The one encoding of an element.
fn bytes(a: &Tight) -> [u8; 32] {
    let mut bytes = [0; 32];
    fiat_25519_to_bytes(&mut bytes, a);
    bytes
}

/// a^11 and a^(2^250 − 1), from which both powers below are few steps away.
fn powers(a: &Tight) -> (Tight, Tight) {
    let two = square(a);
    let nine = mul(&squared(&two, 2), a);
    let eleven = mul(&nine, &two);
    let five = mul(&square(&eleven), &nine);
    let ten = mul(&squared(&five, 5), &five);
    let twenty = mul(&squared(&ten, 10), &ten);
    let forty = mul(&squared(&twenty, 20), &twenty);
    let fifty = mul(&squared(&forty, 10), &ten);
    let hundred = mul(&squared(&fifty, 50), &fifty);
    let two_hundred = mul(&squared(&hundred, 100), &hundred);
    (eleven, mul(&squared(&two_hundred, 50), &fifty))
}

/// a^(p − 2)
fn inverse(a: &Tight) -> Tight {
    let (eleven, all) = powers(a);
    mul(&squared(&all, 5), &eleven)
}

/// a^((p − 5) / 8)
fn to_p58(a: &Tight) -> Tight {
    mul(&squared(&powers(a).1, 2), a)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::SecretKey;
    use curve25519_dalek::EdwardsPoint;
    use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
    use proptest::prelude::*;
    use proptest::test_runner::{Config, TestRunner};

    /// The group's order, to be added to an s.
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];

    fn tables(keys: &[SecretKey]) -> HashMap<PublicKey, Arc<Table>> {
        let table = |key: &SecretKey| {
            let table = Table::of(key.public().as_bytes(), true).unwrap();
            (key.public(), Arc::new(table))
        };
        keys.iter().map(table).collect()
    }

    fn hashed(parts: &[&[u8]]) -> Scalar {
        let mut hash = Sha512::new();
        parts.iter().for_each(|part| hash.update(part));
        Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
    }

    /// A signature by whoever has the key and does not keep to the rules: its R is bent by a point of small order.
    fn by_hand(seed: &[u8; 32], message: &[u8], bend: EdwardsPoint, nonce: &[u8]) -> [u8; 64] {
        let expanded: [u8; 64] = Sha512::digest(seed).into();
        let mut secret: [u8; 32] = expanded[..32].try_into().unwrap();
        secret[0] &= 248;
        secret[31] = secret[31] & 63 | 64;
        let secret = Scalar::from_bytes_mod_order(secret);
        let public = SecretKey::from_seed(seed).public();
        let nonce = hashed(&[nonce, message]);
        let r = (ED25519_BASEPOINT_POINT * nonce + bend).compress();
        let k = hashed(&[r.as_bytes(), public.as_bytes(), message]);
        let s = nonce + k * secret;
        [*r.as_bytes(), s.to_bytes()].concat().try_into().unwrap()
    }

    fn plus_order(s: &mut [u8]) {
        let mut carry = 0;
        for (byte, add) in s.iter_mut().zip(ORDER) {
            let sum = u16::from(*byte) + u16::from(add) + carry;
            *byte = (sum & 0xff) as u8;
            carry = sum >> 8;
        }
    }

    /// A signature of one of the classes, most of them no good.
    fn signature(class: u8, seed: &[u8; 32], message: &[u8], noise: [u8; 32]) -> [u8; 64] {
        let small = EIGHT_TORSION[usize::from(noise[0] % 8)];
        let good = by_hand(seed, message, EIGHT_TORSION[0], &noise);
        let mut bytes = good;
        let (r, s) = bytes.split_at_mut(32);
        match class {
            0 => {}
            1 => bytes = by_hand(seed, message, small, &noise),
            2 => plus_order(s),
            3 => bytes[usize::from(noise[1] % 64)] ^= 1 << (noise[2] % 8),
            4 => r.copy_from_slice(small.compress().as_bytes()),
            // In the field's other range, where y has two encodings.
            5 => {
                r.fill(0xff);
                r[0] = 0xed_u8.wrapping_add(noise[1] % 19);
                r[31] = 0x7f | noise[2] & 0x80;
            }
            6 => r[31] ^= 0x80,
            7 => s.fill(0),
            8 => r.copy_from_slice(&noise),
            9 => s.copy_from_slice(&noise),
            // Of small order, with the s that a cofactor would let pass.
            _ => {
                let k = hashed(&[
                    small.compress().as_bytes(),
                    SecretKey::from_seed(seed).public().as_bytes(),
                    message,
                ]);
                r.copy_from_slice(small.compress().as_bytes());
                s.copy_from_slice((k * Scalar::from(8_u8)).as_bytes());
            }
        }
        bytes
    }

    /// Not only that nothing is accepted that the strict rule refuses: the tables alone say what it says.
    #[test]
    fn tables_say_what_the_strict_rule_says() {
        let seeds: Vec<[u8; 32]> = (0..4).map(|seed| [seed; 32]).collect();
        let keys: Vec<_> = seeds.iter().map(SecretKey::from_seed).collect();
        let tables = tables(&keys);
        let asked = std::env::var("LEDGER_TEST_SIGNATURES");
        let signatures: u32 = asked.map_or(3_000, |asked| asked.parse().unwrap());
        let one = (0..4_usize, 0..11_u8, any::<[u8; 12]>(), any::<[u8; 32]>());
        let config = Config {
            cases: signatures.div_ceil(20),
            failure_persistence: None,
            ..Config::default()
        };
        let mut seen = [[0_u64; 2]; 11];
        let made = proptest::collection::vec(one, 20);
        TestRunner::new(config)
            .run(&made, |made| {
                let signatures: Vec<_> = made
                    .iter()
                    .map(|(key, class, message, noise)| {
                        Signature::from_bytes(signature(*class, &seeds[*key], message, *noise))
                    })
                    .collect();
                let group: Vec<_> = made
                    .iter()
                    .zip(&signatures)
                    .map(|((key, _, message, _), signature)| SignedMessage {
                        key: keys[*key].public(),
                        message,
                        signature,
                    })
                    .collect();
                for ((one, accepted), (_, class, ..)) in
                    group.iter().zip(accepted(&group, &tables)).zip(&made)
                {
                    prop_assert_eq!(accepted, strictly(one), "class {}: {:?}", class, one);
                }
                Ok(())
            })
            .unwrap();
        // Each class is what it is meant to be.
        for (key, seed) in seeds.iter().enumerate() {
            for class in 0..11 {
                let signature = Signature::from_bytes(signature(
                    class,
                    seed,
                    b"message",
                    [key as u8 * 2 + 1; 32],
                ));
                let one = SignedMessage {
                    key: keys[key].public(),
                    message: b"message",
                    signature: &signature,
                };
                seen[usize::from(class)][usize::from(strictly(&one))] += 1;
            }
        }
        assert_eq!(seen[0], [0, 4]);
        assert!(
            seen[1..].iter().all(|[refused, _]| *refused == 4),
            "{seen:?}"
        );
    }

    #[test]
    fn a_group_is_judged_one_by_one_with_tables_and_without() {
        let (signer, other) = (
            SecretKey::from_seed(&[5; 32]),
            SecretKey::from_seed(&[6; 32]),
        );
        let signature = signer.sign(b"message");
        let one = |key: &SecretKey, message| SignedMessage {
            key: key.public(),
            message,
            signature: &signature,
        };
        let group = [
            one(&signer, b"message"),
            one(&signer, b"massage"),
            one(&other, b"message"),
        ];
        for _ in 0..WORTH {
            assert_eq!(hold(&group), [true, false, false]);
        }
        let made = tables_of(&group);
        assert_eq!(made.len(), 2);
        assert_eq!(accepted(&group, &made), [true, false, false]);
        assert_eq!(hold(&[]), [true; 0]);
    }

    /// A key that the strict rule never admits gets no table, however often it is named.
    #[test]
    fn a_key_that_is_not_admitted_has_no_table() {
        let torsion = EIGHT_TORSION[1].compress().to_bytes();
        let signature = Signature::from_bytes([0; 64]);
        let one = SignedMessage {
            key: PublicKey::from_bytes(torsion),
            message: b"",
            signature: &signature,
        };
        let group = vec![one; 300];
        assert_eq!(hold(&group), [false; 300]);
        assert!(tables_of(&group).is_empty());
    }
}
