//! One mailbox, one account: what collides, what is refused, and that the canonical form is a fixed point.

use portcullis::user::{Email, EmailError};
use proptest::prelude::*;

#[test]
fn spellings_of_one_mailbox_are_one_address() {
    let xn = "xn--bcher-kva.example";
    for (one, other) in [
        ("a@x.example", "A@X.EXAMPLE"),
        ("anna@example.com", " anna@example.com "),
        ("anna@example.com", "\tanna@example.com\r\n"),
        ("anna@example.com", "\u{3000}anna@example.com\u{a0}"),
        ("anna@example.com", "Anna@Example.Com"),
        ("anna@example.com", "ａｎｎａ@example.com"),
        ("anna@example.com", "anna@ｅｘａｍｐｌｅ.ｃｏｍ"),
        ("anna@example.com", "anna@example。com"),
        ("anna@example.com", "anna@example．com"),
        ("anna@example.com", "anna@example｡com"),
        ("anna@example.com", "ANNA@EXAMPLE．COM"),
        ("anna@bücher.example", "anna@BÜCHER.example"),
        ("anna@bücher.example", &format!("anna@{xn}")),
        ("anna@bücher.example", "anna@XN--BCHER-KVA.example"),
        ("anna@bücher.example", "anna@bu\u{308}cher.example"),
        ("müller@example.com", "mu\u{308}ller@example.com"),
        ("müller@example.com", "MÜLLER@example.com"),
        ("müller@example.com", "MU\u{308}LLER@example.com"),
        ("файл@example.com", "ФАЙЛ@example.com"),
        ("σοφια@example.com", "ΣΟΦΙΑ@example.com"),
        ("file@example.com", "ﬁle@example.com"),
        ("kelvin@example.com", "\u{212a}elvin@example.com"),
        ("\u{e5}sa@example.com", "\u{212b}sa@example.com"),
        ("ix@example.com", "\u{2168}@example.com"),
        ("a1@example.com", "a\u{2460}@example.com"),
        ("x2@example.com", "x²@example.com"),
        ("tm@example.com", "™@example.com"),
        ("bob@example.com", "\u{1d41b}\u{1d428}\u{1d41b}@example.com"),
    ] {
        let (a, b) = (Email::parse(one), Email::parse(other));
        assert!(a.is_ok(), "{one:?} {a:?}");
        assert_eq!(a, b, "{one:?} {other:?}");
    }
}

#[test]
fn different_mailboxes_stay_apart() {
    for (one, other) in [
        ("anna@example.com", "anna@example.org"),
        ("anna@example.com", "anna+tag@example.com"),
        ("a.nna@example.com", "anna@example.com"),
        ("anna@example.com", "anna@mail.example.com"),
        // A Cyrillic а; a sharp s, which IDNA of 2008 keeps.
        ("anna@example.com", "аnna@example.com"),
        ("anna@strasse.example", "anna@straße.example"),
    ] {
        let (a, b) = (Email::parse(one).unwrap(), Email::parse(other).unwrap());
        assert_ne!(a, b, "{one:?} {other:?}");
    }
}

#[test]
fn what_names_no_mailbox_or_could_pass_for_another_is_refused() {
    let label64 = format!("anna@{}.example", "a".repeat(64));
    let local65 = format!("{}@example.com", "a".repeat(65));
    for refused in [
        "",
        " ",
        "@",
        "anna",
        "@example.com",
        "anna@",
        "anna@localhost",
        "anna@example.com.",
        "anna@.example.com",
        "anna@example..com",
        "anna@-example.com",
        "anna@example-.com",
        "anna@exa mple.com",
        "anna@exa_mple.com",
        "anna@127.0.0.1",
        "anna@[127.0.0.1]",
        "anna@[IPv6:::1]",
        "anna@xn--\u{fc}.example",
        "anna@xn--a.example",
        "anna@example.com\0",
        "an na@example.com",
        "an\tna@example.com",
        "an\nna@example.com",
        "anna\r\nBcc: x@example.com",
        "anna\0@example.com",
        "an\u{7f}na@example.com",
        "an\u{85}na@example.com",
        ".anna@example.com",
        "anna.@example.com",
        "an..na@example.com",
        "\"anna\"@example.com",
        "\"an na\"@example.com",
        "anna@bob@example.com",
        // An @ of another width would be one after normalising.
        "anna＠example.com",
        "anna﹫example.com",
        "anna＠bob@example.com",
        "anna(comment)@example.com",
        "Anna <anna@example.com>",
        "anna,bob@example.com",
        "anna;bob@example.com",
        // Invisible or reordering characters.
        "an\u{200b}na@example.com",
        "anna@exam\u{200b}ple.com",
        "anna@exa\u{ad}mple.com",
        "anna@example.com\u{2060}",
        "an\u{200d}na@example.com",
        "an\u{ad}na@example.com",
        "\u{202e}anna@example.com",
        "an\u{2060}na@example.com",
        "an\u{feff}na@example.com",
        "an\u{34f}na@example.com",
        "an\u{115f}na@example.com",
        "an\u{3164}na@example.com",
        "an\u{180e}na@example.com",
        "an\u{fe0f}na@example.com",
        "an\u{e0061}na@example.com",
        // Letters that a change of case takes for others: ı and i, ſ and s, ß and ss.
        "ann\u{131}@example.com",
        "mar\u{131}a@example.com",
        "stra\u{df}e@example.com",
        // And what looks like an i with its dot.
        "\u{130}rem@example.com",
        "i\u{307}rem@example.com",
        &label64,
        &local65,
    ] {
        assert!(
            Email::parse(refused).is_err(),
            "{refused:?} {:?}",
            Email::parse(refused)
        );
    }
}

#[test]
fn an_address_has_at_most_254_bytes() {
    let domain = |bytes: usize| {
        let label = "d".repeat(49);
        let full = format!("{label}.{label}.{label}.{label}.example");
        full[full.len() - bytes..]
            .trim_start_matches('.')
            .to_owned()
    };
    let address = |bytes: usize| format!("{}@{}", "a".repeat(64), domain(bytes - 65));
    assert_eq!(Email::parse(&address(254)).unwrap().as_str().len(), 254);
    assert_eq!(Email::parse(&address(255)), Err(EmailError::TooLong));
    assert_eq!(Email::parse(&"a".repeat(100_000)), Err(EmailError::TooLong));
}

#[test]
fn parts_are_of_the_canonical_form() {
    let email: Email = " Anna.Müller@BÜCHER.example ".parse().unwrap();
    assert_eq!(email.local_part(), "anna.müller");
    assert_eq!(email.domain(), "xn--bcher-kva.example");
    assert_eq!(email.to_string(), email.as_str());
    let json = serde_json::to_string(&email).unwrap();
    assert_eq!(serde_json::from_str::<Email>(&json).unwrap(), email);
    assert!(serde_json::from_str::<Email>("\"nobody\"").is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn the_canonical_form_is_a_fixed_point(local in "\\PC{1,12}", domain in "[\\PC.]{1,10}\\.[a-zà-ÿ]{2,5}") {
        if let Ok(email) = Email::parse(&format!("{local}@{domain}")) {
            prop_assert_eq!(Email::parse(email.as_str()), Ok(email.clone()));
            // Whoever shouts it means the same mailbox, or nobody.
            if let Ok(loud) = Email::parse(&email.as_str().to_uppercase()) {
                prop_assert_eq!(loud, email);
            }
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,40}@?\\PC{0,40}") {
        drop(Email::parse(&text));
    }
}

#[test]
fn every_character_has_a_canonical_form_that_stays_or_is_refused() {
    for c in '\0'..=char::MAX {
        // Most of the code space is unassigned or CJK; a sample will do there.
        if c > '\u{3400}' && u32::from(c) % 61 != 0 {
            continue;
        }
        if let Ok(email) = Email::parse(&format!("{c}x@example.com")) {
            assert_eq!(
                Email::parse(email.as_str()).as_ref(),
                Ok(&email),
                "{}",
                c.escape_unicode()
            );
            assert_eq!(
                Email::parse(&email.as_str().to_uppercase()).as_ref(),
                Ok(&email),
                "{}",
                c.escape_unicode()
            );
        }
    }
}
