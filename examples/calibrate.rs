//! Which Argon2id parameters suit this machine: `cargo run --release --example calibrate -- 100 64`, for 100 ms and 64 MiB.
#![expect(clippy::print_stdout, reason = "it answers a person")]

use portcullis::password::calibrate;
use std::env;
use std::error::Error;
use std::time::Duration;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let mut number = |default: u32| {
        let given = arguments.next().map(|text| text.parse());
        given.unwrap_or(Ok(default))
    };
    let (target_ms, max_mib) = (number(100)?, number(64)?);
    let target = Duration::from_millis(target_ms.into());
    let found = calibrate(target, max_mib.saturating_mul(1024))?;
    let (params, took) = (found.params(), found.time());

    let (memory, iterations) = (params.memory_kib(), params.iterations());
    println!("at most {target_ms} ms and {max_mib} MiB:\n");
    println!("    HashParams::new({memory}, {iterations}, 1)?\n");
    let seconds = took.as_secs_f64();
    println!("one hash   {:.1} ms", seconds * 1e3);
    println!("one core   {:.0} hashes a second", 1.0 / seconds);
    // One arena for each thread that hashes.
    let both = memory.saturating_mul(2).div_ceil(1024);
    println!("memory     {both} MiB for two threads that hash");
    if took > target {
        println!(
            "\nThis machine is too slow for {target_ms} ms: less than this would be too weak."
        );
    }
    Ok(())
}
