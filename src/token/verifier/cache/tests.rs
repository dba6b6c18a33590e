//! The bound, the order of leaving, and what is dropped: seen from inside.

use super::{Cache, Duration, SET_BYTES, WAYS, Window};
use std::sync::{Arc, Weak};

const FOREVER: Window = Window {
    from: Duration::ZERO,
    until: Duration::MAX,
};

fn cache(max_bytes: usize) -> Cache {
    Cache::new(max_bytes)
}

fn remember(cache: &Cache, token: &str, window: Window) -> Weak<()> {
    let claims = Arc::new(());
    let weak = Arc::downgrade(&claims);
    if let Some(room) = Cache::room(token, Some(0)) {
        cache.remember(token, Duration::ZERO, window, claims, room);
    }
    weak
}

fn knows(cache: &Cache, token: &str) -> bool {
    cache.look(token, || Duration::ZERO, |_| Some(())).is_some()
}

/// What all entries say they take, which no set may pass.
fn bytes(cache: &Cache) -> usize {
    let sets = cache.stripes.iter().flatten();
    sets.map(|mutex| {
        let set = mutex.lock().unwrap();
        let entries = set.entries.iter().flatten().map(|entry| entry.bytes);
        let sum: usize = entries.chain([size_of_val(mutex)]).sum();
        assert_eq!(sum, set.bytes);
        assert!(sum <= SET_BYTES);
        sum
    })
    .sum()
}

#[test]
fn the_bytes_stay_within_the_bound_whatever_comes() {
    for max_bytes in [Cache::MIN_BYTES, 100_000, 1_000_000] {
        let cache = cache(max_bytes);
        let sets: usize = cache.stripes.iter().map(|stripe| stripe.len()).sum();
        assert!(sets * SET_BYTES <= max_bytes);
        for n in 0..3_000_usize {
            let token = format!("{}{n:024}", "x".repeat(n * 7 % 9_000));
            remember(&cache, &token, FOREVER);
            if n % 50 == 0 {
                assert!(bytes(&cache) <= max_bytes);
            }
        }
        assert!(bytes(&cache) > 0);
    }
}

#[test]
fn who_was_used_last_stays_and_who_leaves_is_dropped() {
    let cache = cache(Cache::MIN_BYTES);
    let names: Vec<_> = (0..WAYS).map(|n| format!("{n:040}")).collect();
    let claims: Vec<_> = names
        .iter()
        .map(|name| remember(&cache, name, FOREVER))
        .collect();
    assert!(names.iter().all(|name| knows(&cache, name)));
    assert!(knows(&cache, &names[0]));
    remember(&cache, &format!("{WAYS:040}"), FOREVER);
    assert!(knows(&cache, &names[0]) && !knows(&cache, &names[1]));
    assert_eq!(claims[1].strong_count(), 0);
    assert_eq!(claims[0].strong_count(), 1);
    drop(cache);
    assert!(claims.iter().all(|claims| claims.strong_count() == 0));
}

#[test]
fn those_that_are_over_leave_first() {
    let cache = cache(Cache::MIN_BYTES);
    let over = Window {
        from: Duration::ZERO,
        until: Duration::ZERO,
    };
    let names: Vec<_> = (0..WAYS).map(|n| format!("{n:040}")).collect();
    for (n, name) in names.iter().enumerate() {
        remember(&cache, name, if n == 5 { over } else { FOREVER });
    }
    assert!(!knows(&cache, &names[5]));
    remember(&cache, &format!("{WAYS:040}"), FOREVER);
    assert!(knows(&cache, &names[0]), "though it is the oldest");
}

#[test]
fn texts_too_short_for_a_token_are_looked_for_in_vain() {
    let cache = cache(Cache::MIN_BYTES);
    for text in ["", "x", "abc.def.ghi"] {
        remember(&cache, text, FOREVER);
        assert!(!knows(&cache, text));
    }
}
