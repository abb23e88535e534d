//! Who signed a time token: by an authority that does whatever it is told, and by `openssl ts`, which does not.

use std::collections::HashSet;
use std::process::Command;

use rotation_ledger::hash::Sha256Digest;
use rotation_ledger::time::Timestamp;
use rotation_ledger::timetoken::SignatureFault;
use rotation_ledger::timetoken::TimeRequest;
use rotation_ledger::timetoken::TimeToken;
use rotation_ledger::timetoken::TsaAuthorities;
use rotation_ledger::timetoken::check_signature;

use crate::support::authority::Authority;
use crate::support::authority::P256;
use crate::support::authority::P384;
use crate::support::authority::RSA;
use crate::support::signed_token::SERVER;
use crate::support::signed_token::SignedAuthority;
use crate::support::signed_token::Signing;
use crate::support::signed_token::TIME_STAMPING;
use crate::support::token::object;
use crate::support::token::response;
use crate::support::token::sequence;

const DATA: &[u8] = b"a checkpoint";

fn noon() -> Timestamp {
    "2026-06-01T12:00:00Z".parse().unwrap()
}

/// What openssl says to a token over [`DATA`], where there is one.
fn openssl_agrees(authority: &SignedAuthority, token: &[u8], is_good: bool) {
    if !Authority::has_openssl() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    std::fs::write(path("data"), DATA).unwrap();
    std::fs::write(path("token"), token).unwrap();
    std::fs::write(path("ca.pem"), authority.pem()).unwrap();
    let output = Command::new("openssl")
        .args([
            "ts",
            "-verify",
            "-data",
            "data",
            "-in",
            "token",
            "-CAfile",
            "ca.pem",
            "-attime",
            "1780315200",
        ])
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert_eq!(output.status.success(), is_good, "{output:?}");
}

/// Bends a token, and says what is made of it by whoever believes its authority; openssl refuses it too.
fn refused(bend: impl Fn(&SignedAuthority, &mut Signing)) -> String {
    let authority = SignedAuthority::new();
    let token = authority.bent(DATA, noon(), |signing| bend(&authority, signing));
    openssl_agrees(&authority, &token, false);
    refused_here(&authority, &token)
}

fn refused_here(authority: &SignedAuthority, token: &[u8]) -> String {
    assert_eq!(TimeToken::parse(token).unwrap().time, noon());
    let fault = check_signature(token, Some(&authority.authorities())).unwrap_err();
    assert!(matches!(fault, SignatureFault::Unsound(_)), "{fault:?}");
    // Nor does it count as merely unchecked where nobody is named.
    assert_eq!(check_signature(token, None), Err(fault.clone()));
    fault.to_string()
}

/// Puts another certificate of the same key in the place of the signer's.
fn certify(authority: &SignedAuthority, signing: &mut Signing, purposes: &[&[u8]], critical: bool) {
    let certificate = authority.certified(purposes, critical);
    signing.names.0.clone_from(&certificate);
    signing.carried = vec![certificate];
}

#[test]
fn a_token_counts_for_whoever_named_its_authority_and_for_nobody_else() {
    let authority = SignedAuthority::new();
    let token = authority.response(DATA, noon());
    openssl_agrees(&authority, &token, true);
    assert_eq!(
        check_signature(&token, Some(&authority.authorities())),
        Ok(())
    );
    assert_eq!(check_signature(&token, None), Err(SignatureFault::Unnamed));
    // Whoever can answer can make an authority, and a root for it too.
    let stranger = SignedAuthority::new();
    let stranger = check_signature(&token, Some(&stranger.authorities())).unwrap_err();
    assert!(
        matches!(stranger, SignatureFault::Stranger(_)),
        "{stranger:?}"
    );
    assert!(stranger.is_refusal());

    // As older authorities name their certificate.
    let by_sha1 = authority.bent(DATA, noon(), |signing| signing.names.1 = true);
    openssl_agrees(&authority, &by_sha1, true);
    assert_eq!(
        check_signature(&by_sha1, Some(&authority.authorities())),
        Ok(())
    );
    // Before the certificates and after them.
    for year in ["2019", "2050"] {
        let time = format!("{year}-06-01T12:00:00Z").parse().unwrap();
        let token = authority.response(DATA, time);
        let fault = check_signature(&token, Some(&authority.authorities())).unwrap_err();
        assert!(matches!(fault, SignatureFault::Stranger(_)), "{fault:?}");
    }
}

#[test]
fn a_token_that_nobody_signed_is_refused() {
    let fault = check_signature(&response(DATA, noon()), None).unwrap_err();
    assert!(matches!(fault, SignatureFault::Unsound(_)), "{fault:?}");
}

#[test]
fn each_bent_signature_is_refused_and_openssl_agrees() {
    let alone = "for time stamping alone";
    let web = |purposes: &'static [&'static [u8]], critical| {
        refused(move |authority, signing| certify(authority, signing, purposes, critical))
    };
    for (said, why) in [
        (web(&[SERVER], true), alone),
        (web(&[TIME_STAMPING, SERVER], true), alone),
        (web(&[TIME_STAMPING], false), alone),
        (refused(|_, signing| signing.digest[0] ^= 1), "another time"),
        (
            refused(|_, signing| signing.carried.clear()),
            "not in the token",
        ),
        // Of the same key, and not the one that was signed for.
        (
            refused(|authority, signing| {
                signing.carried = vec![authority.certified(&[TIME_STAMPING], true)];
            }),
            "not in the token",
        ),
        // Of another key, and named: somebody puts a good authority's certificate beside his own signature.
        (
            refused(|_, signing| {
                let other = SignedAuthority::new().certified(&[TIME_STAMPING], true);
                signing.names.0.clone_from(&other);
                signing.carried = vec![other];
            }),
            "did not make it",
        ),
    ] {
        assert!(
            said.starts_with("its signature does not hold: ") && said.contains(why),
            "{why} in {said}"
        );
    }
}

/// RFC 5652 demands that the signed attributes say so, and openssl 3.0 does not look.
#[test]
fn a_signature_that_says_it_is_of_something_else_is_refused() {
    let authority = SignedAuthority::new();
    let token = authority.bent(DATA, noon(), |signing| {
        signing.content_type = object(&[0x2a, 3]);
    });
    let said = refused_here(&authority, &token);
    assert!(said.contains("of something else"), "{said}");
}

#[test]
fn a_signature_over_other_attributes_is_refused() {
    let said = refused(|authority, signing| {
        // The whole set as it is in another good token, whose signature is another.
        let other = authority.bent(DATA, noon(), |_| {});
        let start = find(&other, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 3]) - 4;
        let end = find(
            &other[start..],
            &object(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]),
        ) + start
            - 2;
        let mut attributes = other[start..end].to_vec();
        let name = find(
            &attributes,
            &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 0x10, 2, 0x2f],
        ) - 4;
        // One attribute more than was signed.
        let more = attributes[name..].to_vec();
        attributes.truncate(name);
        let odd = sequence(&[&object(&[0x2a, 3, 5]), &[0x31, 2, 5, 0]]);
        signing.swapped = Some([odd, attributes, more].concat());
    });
    assert!(said.contains("did not make it"), "{said}");
    let none = refused(|_, signing| signing.swapped = Some(Vec::new()));
    assert!(none.contains("does not say what of"), "{none}");
}

fn find(bytes: &[u8], wanted: &[u8]) -> usize {
    let mut windows = bytes.windows(wanted.len());
    windows.position(|window| window == wanted).unwrap()
}

#[test]
fn what_this_program_does_not_know_is_said_and_is_no_refusal() {
    let authority = SignedAuthority::new();
    let token = authority.bent(DATA, noon(), |signing| {
        // ecdsa-with-SHA512
        signing.algorithm = object(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4]);
    });
    let fault = check_signature(&token, Some(&authority.authorities())).unwrap_err();
    assert!(
        matches!(fault, SignatureFault::Unsupported(_)) && !fault.is_refusal(),
        "{fault:?}"
    );
    assert_eq!(
        fault.to_string(),
        "this program cannot check how it is signed: the algorithm 1.2.840.10045.4.3.4"
    );
}

/// A token of openssl's over [`DATA`], and its root.
fn real(authority: &Authority) -> (Vec<u8>, TsaAuthorities) {
    let request = TimeRequest {
        imprint: Sha256Digest::of(DATA),
        nonce: [9; 8],
    };
    let token = authority.answer(&request.encode().unwrap());
    let root = std::fs::read(authority.path("ca.pem")).unwrap();
    (token, TsaAuthorities::parse(&root).unwrap())
}

#[test]
fn tokens_of_real_authorities_are_checked_whatever_they_sign_with() {
    for key in [RSA, P256, P384, &["rsa:4096"]] {
        let Some(authority) = Authority::new(key) else {
            return;
        };
        for digest in ["sha256", "sha384", "sha512"] {
            if digest == "sha512" && key[0] == "ec" {
                continue;
            }
            authority.signing_with(digest);
            let (token, root) = real(&authority);
            assert_eq!(
                check_signature(&token, Some(&root)),
                Ok(()),
                "{key:?} {digest}"
            );
        }
    }
}

/// Each byte of tokens as real authorities make them, in turn: nothing panics, and what still counts states what
/// it stated.
#[test]
fn a_flipped_byte_never_makes_a_token_count_for_another_time() {
    for name in ["rsa", "p256"] {
        let vector = |end| std::fs::read(format!("tests/vectors/time/{name}.{end}")).unwrap();
        let token = vector("tsr");
        let root = TsaAuthorities::parse(&vector("pem")).unwrap();
        assert_eq!(check_signature(&token, Some(&root)), Ok(()));
        let stated = TimeToken::parse(&token).unwrap();
        let mut faults = HashSet::new();
        for at in 0..token.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut flipped = token.clone();
                flipped[at] ^= flip;
                match check_signature(&flipped, Some(&root)) {
                    Ok(()) => assert_eq!(TimeToken::parse(&flipped).unwrap(), stated, "byte {at}"),
                    Err(fault) => drop(faults.insert(std::mem::discriminant(&fault))),
                }
            }
        }
        assert!(faults.len() > 1);
    }
}

#[test]
fn what_is_no_certificate_is_no_authority() {
    let pem = SignedAuthority::new().pem();
    for (bad, why) in [
        ("", "no certificate in PEM"),
        ("a log line", "no certificate in PEM"),
        (&pem[..pem.len() / 2], ""),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "",
        ),
    ] {
        let said = TsaAuthorities::parse(bad.as_bytes()).unwrap_err();
        assert!(said.contains(why), "{said}");
    }
    assert!(TsaAuthorities::parse(format!("# a root\n{pem}{pem}").as_bytes()).is_ok());
}
