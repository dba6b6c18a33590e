//! Calibration on machines whose times are made up, so that each search can be foretold.

use super::*;
use core::convert::Infallible;

const MIB: u32 = 1024;

/// Calibrates on a machine whose time for one hash is known, and answers what was tried, too.
fn on(
    target_ms: u64,
    max_memory_kib: u32,
    mut nanos: impl FnMut(HashParams) -> u64,
) -> (Calibration, Vec<HashParams>) {
    let mut tried = Vec::new();
    let first = cheapest(max_memory_kib).unwrap();
    let target = Duration::from_millis(target_ms);
    let Ok(found) = search(target, max_memory_kib, first, |params| {
        tried.push(params);
        Ok::<_, Infallible>(Duration::from_nanos(nanos(params)))
    });
    (found, tried)
}

fn row(found: Calibration) -> (u32, u32) {
    let params = found.params();
    assert_eq!(params.parallelism(), 1);
    (params.memory_kib() / MIB, params.iterations())
}

/// 300 ns for a KiB, however many there are.
fn even(params: HashParams) -> u64 {
    u64::from(params.work()) * 300
}

/// 200 ns for a KiB as long as caches help, then up to 400.
fn cached(params: HashParams) -> u64 {
    let outside = u64::from(params.memory_kib().saturating_sub(8 * MIB).min(32 * MIB));
    let nanos = outside.saturating_mul(200) / 32_768;
    u64::from(params.work()).saturating_mul(nanos.saturating_add(200))
}

#[test]
fn the_most_memory_for_the_longest_time_is_chosen() {
    for (target_ms, max_mib, expected) in [
        // 95 % of 20 ms is work of 61 MiB; of 100 ms, 309 MiB; of 250 ms, 773 MiB.
        (20, 256, (61, 1)),
        (20, 46, (46, 1)),
        (20, 32, (30, 2)),
        (20, 24, (20, 3)),
        (20, 16, (15, 4)),
        (20, 7, (7, 8)),
        (100, 256, (256, 1)),
        (100, 64, (61, 5)),
        (250, 64, (64, 12)),
        (250, 256, (256, 3)),
        // Work of 449 MiB: 224 MiB for all of the time are more than 256 for little over half of it.
        (145, 256, (224, 2)),
    ] {
        let (found, tried) = on(target_ms, max_mib * MIB, even);
        assert_eq!(row(found), expected, "{target_ms} ms, {max_mib} MiB");
        assert_eq!(tried.len(), 2, "an even machine is known after one try");
    }
}

#[test]
fn the_time_is_kept_and_well_used_on_an_uneven_machine() {
    for target_ms in [15, 20, 30, 50, 100, 200] {
        for max_mib in [19, 32, 64, 128, 256] {
            let (found, tried) = on(target_ms, max_mib * MIB, cached);
            let used =
                found.time().as_secs_f64() * 1e3 / f64::from(u32::try_from(target_ms).unwrap());
            assert!(used <= 1.0, "{target_ms} ms, {max_mib} MiB: {found:?}");
            // Halving is the worst that whole iterations can do: from 2 to 1. But there is a ceiling.
            let ceiling = found.params().iterations() == HashParams::MAX_ITERATIONS;
            assert!(
                used > 0.65 || ceiling,
                "{target_ms} ms, {max_mib} MiB: {found:?} {tried:?}"
            );
            assert!(found.params().memory_kib() <= max_mib * MIB);
        }
    }
}

#[test]
fn a_slow_machine_gets_the_floor_and_is_told_its_time() {
    for (max_mib, expected) in [(7, (7, 5)), (64, (7, 5))] {
        let (found, tried) = on(5, max_mib * MIB, even);
        assert_eq!(row(found), expected);
        assert_eq!(found.time(), Duration::from_nanos(even(found.params())));
        assert!(found.time() > Duration::from_millis(5));
        assert_eq!(tried.len(), 1);
    }
    let (found, _) = on(0, 64 * MIB, even);
    assert_eq!(row(found), (7, 5));
}

#[test]
fn a_fast_machine_gets_the_ceiling_at_the_most() {
    for (max_memory_kib, expected) in [
        (u32::MAX, (256, 4)),
        (200 * MIB, (200, 5)),
        (7 * MIB, (7, 16)),
    ] {
        let (found, _) = on(60_000, max_memory_kib, |_| 1);
        assert_eq!(row(found), expected);
    }
    let (found, _) = on(60_000, u32::MAX, |_| 0);
    assert_eq!(row(found), (256, 4));
}

#[test]
fn noise_costs_neither_the_floor_nor_more_than_six_tries() {
    let mut state = 1_u64;
    for target_ms in 1..400 {
        let max_memory_kib = 7_168 + u32::try_from(target_ms).unwrap() * 700;
        let (found, tried) = on(target_ms, max_memory_kib, |params| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            cached(params) * (70 + (state >> 33) % 60) / 100
        });
        let params = found.params();
        assert!(tried.len() <= TRIES && tried.contains(&params));
        assert!(HashParams::new(params.memory_kib(), params.iterations(), 1).is_ok());
        assert!(
            tried
                .iter()
                .all(|tried| tried.memory_kib() <= max_memory_kib)
        );
    }
}

#[test]
fn the_same_times_lead_to_the_same_tries() {
    assert_eq!(on(120, 100 * MIB, cached), on(120, 100 * MIB, cached));
}

#[test]
fn too_little_memory_and_a_failing_hash_are_errors() {
    let error = calibrate(Duration::from_secs(1), 7_167).unwrap_err();
    assert!(error.to_string().contains("7168 KiB"), "{error}");
    let fails = |_| Err::<Duration, _>("no memory");
    let first = cheapest(7_168).unwrap();
    assert_eq!(
        search(Duration::ZERO, 7_168, first, fails),
        Err("no memory")
    );
}

#[test]
fn this_machine_can_be_calibrated() {
    let found = calibrate(Duration::from_millis(1), 7_168).unwrap();
    assert_eq!(row(found), (7, 5));
    assert!(!found.time().is_zero());
}
