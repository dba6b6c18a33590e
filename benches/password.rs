//! What a password costs: hash, verify, decoy, beside argon2's own call on the same input; and the policy.
#![expect(clippy::unwrap_used, reason = "a bench may stop at the first surprise")]

use criterion::{Criterion, criterion_group, criterion_main};
use portcullis::password::{
    HashParams, Password, PasswordHash, PasswordHasher, PasswordPolicy, PolicyError, Verdict,
};
use std::hint::black_box;

const RIGHT: &str = "correct horse battery staple";

fn hashing(c: &mut Criterion) {
    let params = HashParams::default();
    let hasher = PasswordHasher::new(params).unwrap();
    let (right, wrong) = (Password::new(RIGHT), Password::new("wrong"));
    let hash = hasher.hash(&right).unwrap();
    assert_eq!(hasher.verify(&right, &hash), Verdict::Match);
    assert_eq!(hasher.verify(&wrong, &hash), Verdict::Mismatch);
    assert_eq!(hasher.verify_decoy(&right), Verdict::Mismatch);

    let argon2 = argon2::Argon2::new(
        argon2::Algorithm::Argon2id,
        argon2::Version::V0x13,
        argon2::Params::new(
            params.memory_kib(),
            params.iterations(),
            params.parallelism(),
            None,
        )
        .unwrap(),
    );
    let salt = [7; 16];
    let mut tag = [0; 32];
    argon2
        .hash_password_into(RIGHT.as_bytes(), &salt, &mut tag)
        .unwrap();
    let base64 = base64_simd::STANDARD_NO_PAD;
    let theirs = format!(
        "$argon2id$v=19$m=19456,t=2,p=1${}${}",
        base64.encode_to_string(salt),
        base64.encode_to_string(tag)
    );
    // The two lines of the comparison do the same thing.
    let theirs = PasswordHash::from_stored(theirs);
    assert_eq!(hasher.verify(&right, &theirs), Verdict::Match);

    let mut group = c.benchmark_group("argon2id m=19456 t=2 p=1");
    group.sample_size(50);
    group.bench_function("argon2 hash_password_into", |b| {
        b.iter(|| {
            argon2
                .hash_password_into(black_box(RIGHT.as_bytes()), &salt, &mut tag)
                .unwrap();
            tag
        });
    });
    group.bench_function("hash", |b| {
        b.iter(|| hasher.hash(black_box(&right)).unwrap());
    });
    group.bench_function("verify", |b| {
        b.iter(|| hasher.verify(black_box(&right), black_box(&hash)));
    });
    group.bench_function("decoy", |b| {
        b.iter(|| hasher.verify_decoy(black_box(&right)));
    });
    group.finish();
}

fn policy(c: &mut Criterion) {
    let policy = PasswordPolicy::default().product("portcullis");
    let good = Password::new("tq7Lz-mWv2x-9RkPs4bn");
    let common = Password::new("1qaz2wsx3edc4rfv");
    let context = ["alice.liddell@wonderland.example"];
    assert_eq!(good.expose().len(), 20);
    assert_eq!(policy.check(&good, &context), Ok(()));
    assert_eq!(policy.check(&common, &[]), Err(PolicyError::Common));

    let mut group = c.benchmark_group("policy");
    group.bench_function("20 characters", |b| {
        b.iter(|| policy.check(black_box(&good), &[]));
    });
    group.bench_function("20 characters and an e-mail address", |b| {
        b.iter(|| policy.check(black_box(&good), black_box(&context)));
    });
    group.bench_function("a common password", |b| {
        b.iter(|| policy.check(black_box(&common), &[]));
    });
    group.finish();
}

criterion_group!(benches, hashing, policy);
criterion_main!(benches);
