//! Passwords: what is kept, what is accepted as a stored hash, what may be chosen.

use portcullis::password::{
    HashParams, MAX_PASSWORD_BYTES, ParamsError, Password, PasswordHash, PasswordHasher,
    PasswordPolicy, PolicyError, UnsupportedHash, Verdict,
};
use portcullis::test_util::cheap_hash_params;
use proptest::prelude::*;
use std::sync::LazyLock;

fn cheap() -> PasswordHasher {
    PasswordHasher::new(cheap_hash_params()).unwrap()
}

fn verdict(hasher: &PasswordHasher, text: &str, hash: &PasswordHash) -> Verdict {
    hasher.verify(&Password::new(text), hash)
}

#[test]
fn a_stored_hash_is_argon2id_with_the_owasp_minimum_and_its_own_salt() {
    let hasher = PasswordHasher::new(HashParams::default()).unwrap();
    let password = Password::new("correct horse battery staple");
    let (one, other) = (
        hasher.hash(&password).unwrap(),
        hasher.hash(&password).unwrap(),
    );
    let rest = one
        .expose()
        .strip_prefix("$argon2id$v=19$m=19456,t=2,p=1$")
        .unwrap();
    let (salt, tag) = rest.split_once('$').unwrap();
    // 16 and 32 bytes in unpadded base64.
    assert_eq!((salt.len(), tag.len()), (22, 43));
    assert_ne!(one.expose(), other.expose());
    assert_eq!(one.params().unwrap(), HashParams::default());
    for hash in [&one, &other] {
        assert_eq!(hasher.verify(&password, hash), Verdict::Match);
        assert!(!hasher.needs_rehash(hash));
    }
}

#[test]
fn parameters_have_a_floor_and_a_ceiling() {
    for (memory, iterations, lanes) in [
        (47_104, 1, 1),
        (19_456, 2, 1),
        (12_288, 3, 1),
        (9_216, 4, 1),
        (7_168, 5, 1),
        (65_536, 3, 4),
        (262_144, 4, 16),
    ] {
        let params = HashParams::new(memory, iterations, lanes).unwrap();
        assert_eq!(
            (
                params.memory_kib(),
                params.iterations(),
                params.parallelism()
            ),
            (memory, iterations, lanes)
        );
    }
    for (memory, iterations, lanes) in [
        (47_103, 1, 1),
        (19_455, 2, 1),
        (12_287, 3, 1),
        (9_215, 4, 1),
        (7_167, 16, 1),
        (19_456, 0, 1),
        (19_456, 2, 0),
    ] {
        assert_eq!(
            HashParams::new(memory, iterations, lanes),
            Err(ParamsError::TooWeak)
        );
    }
    for (memory, iterations, lanes) in [
        (262_145, 1, 1),
        (19_456, 17, 1),
        (19_456, 2, 17),
        (262_144, 5, 1),
        (u32::MAX, u32::MAX, 1),
    ] {
        assert_eq!(
            HashParams::new(memory, iterations, lanes),
            Err(ParamsError::TooCostly)
        );
    }
}

/// From the reference implementation's own tests (P-H-C/phc-winner-argon2, `test.c`).
#[test]
fn hashes_of_the_reference_implementation_verify() {
    for stored in [
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=65536,t=1,p=1$c29tZXNhbHQ$9qWtwbpyPd3vm1rB1GThgPzZ3/ydHL92zKL+15XZypg",
        "$argon2id$v=19$m=65536,t=2,p=1$ZGlmZnNhbHQ$vfMrBczELrFdWP0ZsfhWsRPaHppYdP3MVEMIVlqoFBw",
    ] {
        let hash = PasswordHash::from_stored(stored);
        assert_eq!(
            verdict(&cheap(), "password", &hash),
            Verdict::Outdated,
            "{stored}"
        );
        assert_eq!(verdict(&cheap(), "Password", &hash), Verdict::Mismatch);
    }
}

#[test]
fn a_stored_hash_of_any_other_form_is_unusable() {
    let hasher = cheap();
    let good = hasher.hash(&Password::new("right")).unwrap();
    let good = good.expose();
    let (_, fields) = good.split_once("p=1$").unwrap();
    let (salt, tag) = fields.split_once('$').unwrap();
    let head = "$argon2id$v=19$m=1024,t=1,p=1";
    let with = |head: &str| format!("{head}${salt}${tag}");
    let long = |bytes: usize| "A".repeat(bytes / 3 * 4 + [0, 2, 3][bytes % 3]);

    // What the edits below start from is good, or they would prove nothing.
    assert_eq!(with(head), good);
    assert_eq!(
        verdict(&hasher, "right", &PasswordHash::from_stored(good)),
        Verdict::Match
    );

    let mut bad = vec![
        String::new(),
        "right".to_owned(),
        "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW".to_owned(),
        with("$argon2i$v=19$m=1024,t=1,p=1"),
        with("$argon2d$v=19$m=1024,t=1,p=1"),
        with("$Argon2id$v=19$m=1024,t=1,p=1"),
        with("argon2id$v=19$m=1024,t=1,p=1"),
        with("$argon2id$m=1024,t=1,p=1"),
        with("$argon2id$v=16$m=1024,t=1,p=1"),
        with("$argon2id$v=019$m=1024,t=1,p=1"),
        with("$argon2id$v=19$v=19$m=1024,t=1,p=1"),
        with("$argon2id$v=19$m=1023,t=1,p=1"),
        with("$argon2id$v=19$m=8,t=1,p=1"),
        with("$argon2id$v=19$m=262145,t=1,p=1"),
        with("$argon2id$v=19$m=4294967295,t=1,p=1"),
        with("$argon2id$v=19$m=4294968320,t=1,p=1"),
        with("$argon2id$v=19$m=1024,t=0,p=1"),
        with("$argon2id$v=19$m=1024,t=17,p=1"),
        with("$argon2id$v=19$m=1024,t=200000,p=1"),
        with("$argon2id$v=19$m=262144,t=5,p=1"),
        with("$argon2id$v=19$m=1024,t=1,p=0"),
        with("$argon2id$v=19$m=1024,t=1,p=17"),
        with("$argon2id$v=19$m=1024,m=1024,t=1,p=1"),
        with("$argon2id$v=19$m=1024,t=1,t=1,p=1"),
        with("$argon2id$v=19$m=1024,t=1,p=1,p=1"),
        with("$argon2id$v=19$t=1,m=1024,p=1"),
        with("$argon2id$v=19$m=1024,p=1,t=1"),
        with("$argon2id$v=19$m=1024,t=1"),
        with("$argon2id$v=19$m=01024,t=1,p=1"),
        with("$argon2id$v=19$m=+1024,t=1,p=1"),
        with("$argon2id$v=19$m=1024.0,t=1,p=1"),
        with("$argon2id$v=19$m= 1024,t=1,p=1"),
        with("$argon2id$v=19$m=٢٠٤٨,t=1,p=1"),
        with("$argon2id$v=19$m=1024,t=1,p=1,keyid=AAAA"),
        with("$argon2id$v=19$m=1024,t=1,p=1,data=AAAA"),
        format!("{head}${salt}"),
        format!("{head}${salt}$"),
        format!("{head}$${tag}"),
        format!("{head}${salt}${tag}$"),
        format!("{head}${salt}${tag}="),
        format!("{head}${salt}=={tag}"),
        format!("{head}${salt}==${tag}"),
        format!("{head}${salt}${tag} "),
        format!(" {head}${salt}${tag}"),
        format!("{head}${salt}${tag}\n"),
        format!("{head}${salt}${tag}\0"),
        // Salt of 7 and of 65 bytes, tag of 15 and of 65.
        format!("{head}${}${tag}", long(7)),
        format!("{head}${}${tag}", long(65)),
        format!("{head}${salt}${}", long(15)),
        format!("{head}${salt}${}", long(65)),
        // Bits beyond the last byte: two spellings of one salt.
        format!("{head}${}B${tag}", "A".repeat(21)),
        format!("{head}${}-${tag}", "A".repeat(10)),
        format!("{head}$AAAA*AAAAAA${tag}"),
        "$".repeat(100_000),
    ];
    bad.push(format!("{good}{good}"));
    for stored in &bad {
        let hash = PasswordHash::from_stored(stored.clone());
        let shown = stored.get(..80).unwrap_or(stored);
        assert_eq!(
            verdict(&hasher, "right", &hash),
            Verdict::Unusable,
            "{shown}"
        );
        assert!(hash.params().is_err(), "{shown}");
        assert!(hasher.needs_rehash(&hash), "{shown}");
    }
    // The bounds themselves are inside.
    for (salt, tag) in [(8, 16), (64, 64)] {
        let hash = PasswordHash::from_stored(format!("{head}${}${}", long(salt), long(tag)));
        assert_eq!(verdict(&hasher, "right", &hash), Verdict::Mismatch);
    }
}

#[test]
fn a_hash_is_outdated_when_any_parameter_differs() {
    let today = cheap();
    let current = today.hash(&Password::new("right")).unwrap();
    assert_eq!(verdict(&today, "right", &current), Verdict::Match);
    let strong = PasswordHasher::new(HashParams::new(7_168, 5, 1).unwrap()).unwrap();
    assert_eq!(verdict(&strong, "right", &current), Verdict::Outdated);
    assert_eq!(verdict(&strong, "wrong", &current), Verdict::Mismatch);
    let strong_hash = strong.hash(&Password::new("right")).unwrap();
    assert_eq!(verdict(&today, "right", &strong_hash), Verdict::Outdated);

    // The same parameters, made with argon2 itself: a salt of 8 bytes, then a tag of 64.
    for (salt, tag_len) in [(&[7_u8; 8][..], 32), (&[7; 16], 64)] {
        let mut tag = vec![0; tag_len];
        let params = argon2::Params::new(1024, 1, 1, None).unwrap();
        argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params)
            .hash_password_into(b"right", salt, &mut tag)
            .unwrap();
        let base64 = base64_simd::STANDARD_NO_PAD;
        let text = format!(
            "$argon2id$v=19$m=1024,t=1,p=1${}${}",
            base64.encode_to_string(salt),
            base64.encode_to_string(&tag)
        );
        let hash = PasswordHash::from_stored(text);
        assert_eq!(verdict(&today, "right", &hash), Verdict::Outdated);
        assert_eq!(verdict(&today, "wrong", &hash), Verdict::Mismatch);
        assert!(today.needs_rehash(&hash));
    }
}

#[test]
fn a_password_of_1024_bytes_counts_whole_and_a_longer_one_is_refused() {
    let hasher = cheap();
    for length in [1, 8, 64, 128, MAX_PASSWORD_BYTES] {
        let text = "a".repeat(length);
        let hash = hasher.hash(&Password::new(text.as_str())).unwrap();
        assert_eq!(verdict(&hasher, &text, &hash), Verdict::Match);
        // No truncation: the last character counts, and so does one more or less.
        let mut edited = "a".repeat(length - 1);
        assert_eq!(verdict(&hasher, &edited, &hash), Verdict::Mismatch);
        edited.push('b');
        assert_eq!(verdict(&hasher, &edited, &hash), Verdict::Mismatch);
        assert_eq!(
            verdict(&hasher, &format!("{text}a"), &hash),
            Verdict::Mismatch
        );
    }
    let base = hasher.hash(&Password::new("a".repeat(1024))).unwrap();
    for length in [1025, 4097, 16 * 1024 * 1024] {
        let oversize = Password::new("a".repeat(length));
        assert_eq!(oversize.expose(), "");
        assert!(hasher.hash(&oversize).is_err());
        assert_eq!(hasher.verify(&oversize, &base), Verdict::Mismatch);
        assert_eq!(hasher.verify_decoy(&oversize), Verdict::Mismatch);
    }
    // Counted once normalised: 1,025 bytes that normalise to more, and 4,092 that normalise to 1,023.
    assert!(hasher.hash(&Password::new("\u{fdfa}".repeat(32))).is_err());
    assert!(hasher.hash(&Password::new("é".repeat(513))).is_err());
    assert!(
        hasher
            .hash(&Password::new("\u{1d41a}".repeat(1023)))
            .is_ok()
    );
    assert!(
        hasher
            .hash(&Password::new("\u{1d41a}".repeat(1025)))
            .is_err()
    );
}

#[test]
fn case_spaces_and_nul_count() {
    let hasher = cheap();
    let hash = hasher
        .hash(&Password::new("Correct Horse Battery"))
        .unwrap();
    for other in [
        "correct horse battery",
        "Correct Horse Battery ",
        " Correct Horse Battery",
        "Correct  Horse Battery",
        "CorrectHorseBattery",
        "Correct Horse Battery\0",
        "Correct Horse Battery\0x",
        "Correct Horse Battery\n",
        "Correct Horse",
    ] {
        assert_eq!(
            verdict(&hasher, other, &hash),
            Verdict::Mismatch,
            "{other:?}"
        );
    }
    let nul = hasher.hash(&Password::new("pw\0one")).unwrap();
    assert_eq!(verdict(&hasher, "pw\0one", &nul), Verdict::Match);
    assert_eq!(verdict(&hasher, "pw\0two", &nul), Verdict::Mismatch);
    assert_eq!(verdict(&hasher, "pw", &nul), Verdict::Mismatch);
}

#[test]
fn two_spellings_of_one_text_are_one_password() {
    let hasher = cheap();
    for (one, other) in [
        ("café", "cafe\u{301}"),
        ("Ångström", "A\u{30a}ngstro\u{308}m"),
        ("\u{212b}ngström", "Ångström"),
        ("\u{1e9b}\u{323}", "\u{1e69}"),
        ("\u{fb01}sh", "fish"),
        ("ｐａｓｓｗｏｒｄ", "password"),
        ("１２３４５６７８", "12345678"),
        ("\u{3000}wide\u{3000}space", " wide space"),
        ("한글", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}"),
        ("ｶﾞ", "ガ"),
        ("が", "か\u{3099}"),
        ("\u{2167}", "VIII"),
        ("\u{2460}", "1"),
        ("x²", "x2"),
        ("½", "1\u{2044}2"),
        ("…", "..."),
        ("a\u{a0}b", "a b"),
        ("\u{1d400}\u{1d401}", "AB"),
        ("ế", "e\u{302}\u{301}"),
        ("q\u{307}\u{323}", "q\u{323}\u{307}"),
        ("\u{2126}", "\u{3a9}"),
        ("\u{fdfa}", "صلى الله عليه وسلم"),
    ] {
        let hash = hasher.hash(&Password::new(one)).unwrap();
        assert_eq!(
            verdict(&hasher, other, &hash),
            Verdict::Match,
            "{one} {other}"
        );
    }
    for (one, other) in [("ß", "ss"), ("ı", "i"), ("а", "a"), ("é", "e")] {
        let hash = hasher.hash(&Password::new(one)).unwrap();
        assert_eq!(
            verdict(&hasher, other, &hash),
            Verdict::Mismatch,
            "{one} {other}"
        );
    }
}

#[test]
fn a_stored_hash_of_another_scheme_says_so_and_not_that_hashing_failed() {
    for stored in [
        "$2b$12$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31lW",
        "$argon2i$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$dGFndGFndGFndGFndGFndA",
        "pbkdf2_sha256$600000$salt$hash",
        "",
    ] {
        let error: UnsupportedHash = PasswordHash::from_stored(stored).params().unwrap_err();
        let text = "the stored hash is not an argon2id hash of an accepted form";
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn an_empty_password_is_never_right() {
    let hasher = cheap();
    assert!(hasher.hash(&Password::new("")).is_err());
    assert_eq!(hasher.verify_decoy(&Password::new("")), Verdict::Mismatch);
    // A hash of the empty text, as some systems write for accounts without a password.
    let params = argon2::Params::new(1024, 1, 1, None).unwrap();
    let mut tag = [0; 32];
    argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params)
        .hash_password_into(b"", &[7; 16], &mut tag)
        .unwrap();
    let base64 = base64_simd::STANDARD_NO_PAD;
    let text = format!(
        "$argon2id$v=19$m=1024,t=1,p=1${}${}",
        base64.encode_to_string([7; 16]),
        base64.encode_to_string(tag)
    );
    let hash = PasswordHash::from_stored(text);
    for empty in [String::new(), "a".repeat(2000)] {
        assert_eq!(
            hasher.verify(&Password::new(empty), &hash),
            Verdict::Mismatch
        );
    }
}

#[test]
fn neither_passwords_nor_hashes_show_in_debug() {
    let hasher = cheap();
    let password = Password::new("canary-password");
    let hash = hasher.hash(&password).unwrap();
    let shown = format!("{password:?} {hash:?} {hasher:?}");
    for secret in ["canary", "argon2id", "$"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    let error = hasher.hash(&Password::new("")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the password could not be hashed: it is empty"
    );
}

#[test]
fn clones_hash_at_the_same_time() {
    let hasher = cheap();
    let hash = hasher.hash(&Password::new("right")).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (hasher, hash) = (hasher.clone(), &hash);
            scope.spawn(move || {
                for _ in 0..20 {
                    let (text, expected) = if thread % 2 == 0 {
                        ("right", Verdict::Match)
                    } else {
                        ("wrong", Verdict::Mismatch)
                    };
                    assert_eq!(verdict(&hasher, text, hash), expected);
                }
            });
        }
    });
}

fn check(policy: &PasswordPolicy, text: &str, context: &[&str]) -> Result<(), PolicyError> {
    policy.check(&Password::new(text), context)
}

#[test]
fn lengths_are_counted_in_code_points() {
    let policy = PasswordPolicy::default();
    assert_eq!((policy.min_length(), policy.max_length()), (15, 1024));
    let short = Err(PolicyError::TooShort { min: 15 });
    let long = Err(PolicyError::TooLong { max: 1024 });
    let varied: String = ('!'..='~').cycle().take(1025).collect();
    for (text, expected) in [
        (&varied[..0], short),
        (&varied[..14], short),
        (&varied[..15], Ok(())),
        (&varied[..64], Ok(())),
        (&varied[..128], Ok(())),
        (&varied[..1024], Ok(())),
        (&varied[..1025], long),
        // 14 and 15 code points of 4 bytes each.
        ("🌊🌋🌌🌍🌎🌏🌐🌑🌒🌓🌔🌕🌖🌗", short),
        ("🌊🌋🌌🌍🌎🌏🌐🌑🌒🌓🌔🌕🌖🌗🌘", Ok(())),
    ] {
        assert_eq!(
            check(&policy, text, &[]),
            expected,
            "{}",
            text.chars().count()
        );
    }
    let eight = PasswordPolicy::default().with_min_length(8).unwrap();
    assert_eq!(
        check(&eight, "tq7#Lz!", &[]),
        Err(PolicyError::TooShort { min: 8 })
    );
    assert_eq!(check(&eight, "tq7#Lz!x", &[]), Ok(()));
    for (min, error) in [
        (0, ParamsError::TooWeak),
        (7, ParamsError::TooWeak),
        (65, ParamsError::TooCostly),
    ] {
        assert_eq!(
            PasswordPolicy::default().with_min_length(min).unwrap_err(),
            error
        );
    }
}

#[test]
fn every_common_password_is_refused_in_any_case() {
    let policy = PasswordPolicy::default().with_min_length(8).unwrap();
    let list = include_str!("../../src/password/common/passwords.txt");
    let entries: Vec<&str> = list.lines().collect();
    assert!(entries.len() > 8_000);
    assert!(entries.is_sorted());
    // Shorter ones are on the list to be found in longer ones.
    for entry in entries
        .into_iter()
        .filter(|entry| entry.chars().count() >= 8)
    {
        assert_eq!(
            check(&policy, entry, &[]),
            Err(PolicyError::Common),
            "{entry}"
        );
        assert_eq!(
            check(&policy, &entry.to_uppercase(), &[]),
            Err(PolicyError::Common),
            "{entry}"
        );
    }
    for well_known in [
        "password",
        "Password1",
        "12345678",
        "QWERTYUIOP",
        "ｐａｓｓｗｏｒｄ",
    ] {
        assert_eq!(check(&policy, well_known, &[]), Err(PolicyError::Common));
    }
}

#[test]
fn words_of_the_context_do_not_make_up_a_password() {
    let policy = PasswordPolicy::default().product("Portcullis");
    let eight = policy.clone().with_min_length(8).unwrap();
    let alice = ["alice.liddell@wonderland.example", "Alice Liddell"];
    for refused in [
        "portcullis2026!",
        "PORTCULLIS-1234",
        "portcullisportcullis",
        "alice-wonderland",
        "Alice.Liddell.99",
        "liddell-portcullis",
        "wonderlandexample",
        "ALICEalice123456",
        "ａｌｉｃｅ-ｗｏｎｄｅｒｌａｎｄ",
    ] {
        assert_eq!(
            check(&policy, refused, &alice),
            Err(PolicyError::Common),
            "{refused}"
        );
    }
    for accepted in [
        "alice-correct-horse-battery",
        "portcullis 7 gates of the moon",
        "cat@dog-and-a-mouse-too",
        // Of words under four characters nothing is taken out.
        "com-cat-pot-com-hub",
        // No rule of composition.
        "xkqzvjwpfmyhtlrb",
        "12093847561073829485",
    ] {
        assert_eq!(
            check(&policy, accepted, &["al@cat.com", alice[0]]),
            Ok(()),
            "{accepted}"
        );
    }
    // The longest word is taken out first.
    let port = PasswordPolicy::default()
        .product("port")
        .product("portcullis");
    assert_eq!(
        check(&port, "portcullis12345", &[]),
        Err(PolicyError::Common)
    );
    assert_eq!(check(&eight, "alice#42", &alice), Err(PolicyError::Common));
    assert_eq!(check(&eight, "alice#42", &["bob@example.com"]), Ok(()));
}

#[test]
fn an_e_mail_address_makes_up_no_password_however_short_its_words_are() {
    let policy = PasswordPolicy::default().product("newapp");
    for text in [
        "bob@example.com",
        "Bob@Example.com!",
        "example.com bob",
        "bob@example.com newapp",
        "bob@example.com1",
    ] {
        let refused = check(&policy, text, &["bob@example.com"]);
        assert_eq!(refused, Err(PolicyError::Common), "{text}");
    }
    let good = "bob@example.com walks to the lighthouse";
    assert_eq!(check(&policy, good, &["bob@example.com"]), Ok(()));
}

#[test]
fn of_a_context_no_more_is_read_than_names_and_addresses_need() {
    let policy = PasswordPolicy::default();
    // A long text is read up to its 1,024th byte, whatever characters it has there, and the others behind it are as well.
    for filler in ["-", "§", "—", "😀"] {
        let length = 1_010 / filler.len();
        let inside = format!("{}wonderland-", filler.repeat(length));
        let long = format!("{inside}{}", "filler-".repeat(100_000));
        let refused = check(&policy, "alice-wonderland", &[&long, "alice@example.com"]);
        assert_eq!(refused, Err(PolicyError::Common), "{filler}");
        let behind = format!("{}wonderland", filler.repeat(length * 2));
        assert_eq!(check(&policy, "the-wonderland!", &[&behind]), Ok(()));
        assert_eq!(
            check(&policy, "the-wonderland!", &["wonderland"]),
            Err(PolicyError::Common)
        );
    }
    let mut many = vec!["nobody"; 15];
    many.push("wonderland");
    let refused = check(&policy, "the-wonderland!", &many);
    assert_eq!(refused, Err(PolicyError::Common));
    many.insert(0, "nobody");
    assert_eq!(check(&policy, "the-wonderland!", &many), Ok(()));
}

#[test]
fn the_policys_messages_are_for_people() {
    for (error, message) in [
        (
            PolicyError::TooShort { min: 15 },
            "use at least 15 characters",
        ),
        (
            PolicyError::TooLong { max: 1024 },
            "use at most 1024 characters",
        ),
        (
            PolicyError::Common,
            "this password is too easy to guess, choose another one",
        ),
    ] {
        assert_eq!(error.to_string(), message);
    }
}

/// 96 characters: parameters, salt and tag.
static GOOD: LazyLock<PasswordHash> =
    LazyLock::new(|| cheap().hash(&Password::new("right")).unwrap());

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn no_text_makes_the_parser_panic_or_pass(text in "\\PC{0,300}") {
        prop_assert!(PasswordHash::from_stored(text).params().is_err());
    }

    #[test]
    fn no_single_edit_of_a_hash_is_taken_for_right(position in 0_usize..96, byte in 0x20_u8..0x7f) {
        let mut edited = GOOD.expose().as_bytes().to_vec();
        prop_assume!(edited[position] != byte);
        edited[position] = byte;
        let hash = PasswordHash::from_stored(String::from_utf8(edited).unwrap());
        let verdict = verdict(&cheap(), "right", &hash);
        prop_assert!(matches!(verdict, Verdict::Mismatch | Verdict::Unusable), "{:?} {}", verdict, hash.expose());
    }

    #[test]
    fn a_password_normalises_once_and_any_text_can_be_one(text in "\\PC{0,100}") {
        let once = Password::new(text);
        let twice = Password::new(once.expose());
        prop_assert_eq!(twice.expose(), once.expose());
        prop_assert!(once.expose().len() <= MAX_PASSWORD_BYTES);
        let _: Result<(), PolicyError> =
            PasswordPolicy::default().check(&once, &[once.expose()]);
    }
}
