//! `SERVER_SECRET`: what is accepted as one, and what it finds again.

use super::SECRET;
use super::config::read;
use crate::config::Config;

const PREVIOUS: &str = "canary-of-the-key-before-0123456789-abc";

#[test]
fn the_server_secret_is_a_list_of_its_own_or_derived_from_the_key() {
    let (one, two) = (
        "canary: the first of two secrets",
        "canary: the second of the secrets",
    );
    let of = |list: &str| read(false, &[("SECRET_KEY", SECRET), ("SERVER_SECRET", list)]);
    let tags = |config: &Config| -> Vec<_> { config.server_secret.tags("x", &[]).collect() };
    let first = of(one).unwrap();
    let both = of(&format!("{one} , {two}")).unwrap();
    assert!(!both.derived_server_secret);
    assert_eq!(tags(&both).len(), 3);
    assert_eq!(tags(&both)[0], tags(&first)[0]);
    assert_eq!(tags(&both)[1], tags(&of(two).unwrap())[0]);
    let derived = read(false, &[("SECRET_KEY", SECRET)]).unwrap();
    assert!(derived.derived_server_secret);
    // Whoever sets one later loses nothing that was made under the derived one.
    assert_eq!(tags(&first).last(), tags(&derived).first());
    assert_eq!(tags(&both).last(), tags(&derived).first());
    let again = read(false, &[("SECRET_KEY", SECRET)]).unwrap();
    assert_eq!(tags(&derived), tags(&again));
    // Not the key itself, which signs tokens.
    let itself = portcullis::opaque::ServerSecret::new(SECRET.as_bytes()).unwrap();
    let itself: Vec<_> = itself.tags("x", &[]).collect();
    assert_ne!(tags(&derived), itself);
    for wrong in [
        "canary",
        &format!("{one},"),
        &format!("{one},{one}"),
        SECRET,
        &format!("{one},{SECRET}"),
        PREVIOUS,
        &format!("{one}, {PREVIOUS}"),
    ] {
        let variables = [
            ("SECRET_KEY", SECRET),
            ("SECRET_KEY_PREVIOUS", PREVIOUS),
            ("SERVER_SECRET", wrong),
        ];
        let error = read(false, &variables).unwrap_err();
        assert!(error.contains("SERVER_SECRET"), "{error}");
        assert!(!error.contains("canary"), "{error}");
    }
}

#[test]
fn a_derived_secret_whose_key_id_is_taken_stops_no_start() {
    let one = "canary: the first of two secrets";
    let all = |config: Config| {
        let all = config.server_secret.tags("x", &[]).count();
        assert_eq!(all == 1, config.skipped_derived_secret.is_some());
        all
    };
    let (mut replaced, mut set) = (Vec::new(), Vec::new());
    // One pair in 256 has one key id.
    for number in 0..1500 {
        let other = format!("canary-of-key-number-{number:04}-9876543210-xyz");
        let keys = [("SECRET_KEY", SECRET), ("SECRET_KEY_PREVIOUS", &other)];
        replaced.push(all(read(false, &keys).unwrap()));
        let with_own = [("SECRET_KEY", &*other), ("SERVER_SECRET", one)];
        set.push(all(read(false, &with_own).unwrap()));
    }
    for found in [replaced, set] {
        assert!(found.contains(&1) && found.contains(&2));
    }
}
