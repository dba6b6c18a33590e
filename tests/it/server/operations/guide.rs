//! The guide "operating": its commands run, in its order, and the files it shows are the files there are.

use super::super::program::binary;
use super::super::raw::PATIENCE;
use super::proxy::{deploy, free_port, installed, nginx_around, without_admin};
use super::{emails, found};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

pub(super) const GUIDE: &str = include_str!("../../../../src/guides/operating.md");

/// The blocks of the guide in this language.
fn blocks(language: &str) -> Vec<&'static str> {
    let opening = format!("\n```{language}\n");
    let after = GUIDE.split(&opening).skip(1);
    after
        .map(|rest| rest.split("\n```").next().unwrap())
        .collect()
}

#[test]
fn the_guide_shows_each_file_as_it_is() {
    for file in fs::read_dir(deploy()).unwrap() {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        let text = fs::read_to_string(file.path()).unwrap();
        let shown = ["ini", "nginx", "text"].into_iter().flat_map(blocks);
        assert!(
            shown.into_iter().any(|block| block == text.trim_end()),
            "{name} is not in the guide as it is"
        );
        assert!(
            GUIDE.contains(&format!("`examples/server/deploy/{name}`")),
            "{name}"
        );
    }
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    let folder = TempDir::new().unwrap();
    let program = binary();
    for file in [
        "portcullis.service",
        "portcullis-backup.service",
        "portcullis-backup.timer",
        "portcullis-probe.service",
        "portcullis-probe.timer",
    ] {
        let text = fs::read_to_string(deploy().join(file)).unwrap();
        let text = text.replace(
            "/usr/local/bin/portcullis-server",
            program.to_str().unwrap(),
        );
        fs::write(folder.path().join(file), text).unwrap();
    }
    let output = Command::new(installed("systemd-analyze"))
        .args([
            "verify",
            "--man=no",
            "portcullis.service",
            "portcullis-backup.timer",
            "portcullis-probe.timer",
        ])
        .current_dir(&folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let about: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("portcullis"))
        .collect();
    assert!(output.status.success() && about.is_empty(), "{said}");
}

/// What takes the place of programs that change the machine: users, packages, services. Everything else in the guide is run
/// as it is written: the server, its commands, nginx, Caddy, curl, openssl.
const STAND_INS: [(&str, &str); 9] = [
    ("sudo", r#"[ "$1" = -u ] && shift 2; exec "$@""#),
    ("cargo", "exit 0"),
    ("useradd", "exit 0"),
    ("apt-get", "exit 0"),
    ("chgrp", "exit 0"),
    (
        "journalctl",
        r#"exec tail -n 20 "$ROOT/run/portcullis.log""#,
    ),
    (
        "install",
        r#"
        for argument; do
          shift
          case $argument in -o | -g) skip=1; continue ;; esac
          [ "${skip:-}" ] && { skip=; continue; }
          set -- "$@" "$argument"
        done
        exec /usr/bin/install "$@""#,
    ),
    (
        "nginx",
        r#"exec "$NGINX_PROGRAM" -e "$ROOT/run/nginx.log" -p "$ROOT/run" -c "$ROOT/etc/nginx/nginx.conf" "$@""#,
    ),
    // Runs a unit's commands in its folder, as systemd does.
    (
        "systemctl",
        r#"
        verb=$1; shift
        [ "${1:-}" = --now ] && { verb=start; shift; }
        unit() { sed -n "s/^$1=//p" "$ROOT/etc/systemd/system/$name.service"; }
        stop() {
          [ -s "$ROOT/run/$name.pid" ] || return 0
          kill "$(cat "$ROOT/run/$name.pid")"
          while kill -0 "$(cat "$ROOT/run/$name.pid" 2>/dev/null)" 2>/dev/null; do sleep 0.05; done
          rm -f "$ROOT/run/$name.pid"
        }
        start() {
          case $name in
            nginx) nginx; return ;;
            caddy) set -- "$CADDY_PROGRAM run --config $ROOT/etc/caddy/Caddyfile" ;;
            *) cd "$(unit WorkingDirectory)"; mapfile -t commands < <(unit ExecStart | sed 's/\$\$/$/g; s/%%/%/g'); set -- "${commands[@]}" ;;
          esac
          set -f
          if [ -e "$ROOT/etc/systemd/system/$name.service" ] && [ "$(unit Type)" = oneshot ]; then
            for command; do eval "$command" || exit 1; done
          else
            eval "exec setsid $1" >>"$ROOT/run/$name.log" 2>&1 </dev/null &
            echo "$!" >"$ROOT/run/$name.pid"
          fi
        }
        for name; do
          case $verb-$name in
            *.timer) ;;
            stop-*) stop ;;
            start-*) start ;;
            restart-* | reload-*) stop; start ;;
            *) exit 1 ;;
          esac
        done"#,
    ),
];

/// The guide's places below a folder, so that it runs beside whatever else is on the machine.
fn moved(text: &str, root: &Path, http: u16, https: u16) -> String {
    let mut text = text.to_owned();
    for place in [
        "/etc/portcullis",
        "/etc/nginx",
        "/etc/caddy",
        "/etc/systemd",
        "/usr/local/bin",
        "/var/lib/portcullis",
        "/var/backups",
    ] {
        text = text.replace(place, &format!("{}{place}", root.display()));
    }
    text.replace("127.0.0.1:8000", &format!("127.0.0.1:{http}"))
        .replace(":443", &format!(":{https}"))
        .replace("listen 443 ", &format!("listen {https} "))
}

/// Makes the machine's folders, the stand-ins, and what of a checkout the guide uses.
fn prepare(root: &Path, http: u16, https: u16) {
    for inside in [
        "bin",
        "run",
        "root",
        "usr/local/bin",
        "etc/nginx/conf.d",
        "etc/caddy",
        "etc/systemd/system",
        "checkout/examples/server/deploy",
        "checkout/target/release/examples",
        "var/lib",
        "var/backups",
    ] {
        fs::create_dir_all(root.join(inside)).unwrap();
    }
    for (name, script) in STAND_INS {
        let file = root.join("bin").join(name);
        fs::write(&file, format!("#!/bin/bash\n{script}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }
    symlink(installed("caddy"), root.join("bin/caddy")).unwrap();
    symlink(
        binary(),
        root.join("checkout/target/release/examples/server"),
    )
    .unwrap();
    for file in fs::read_dir(deploy()).unwrap() {
        let text = fs::read_to_string(file.as_ref().unwrap().path()).unwrap();
        let to = root
            .join("checkout/examples/server/deploy")
            .join(file.unwrap().file_name());
        let text = moved(&text, root, http, https);
        let is_caddys = to.ends_with("Caddyfile");
        fs::write(
            to,
            if is_caddys {
                without_admin(&text)
            } else {
                text
            },
        )
        .unwrap();
    }
    let included = root.join("etc/nginx/conf.d/*.conf");
    fs::write(
        root.join("etc/nginx/nginx.conf"),
        nginx_around(&root.join("run"), &included),
    )
    .unwrap();
}

#[tokio::test]
async fn the_guides_commands_work_from_beginning_to_end() {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    let (http, https) = (free_port(), free_port());
    prepare(root, http, https);
    let commands = blocks("sh");
    assert!(commands.len() > 10, "{commands:?}");
    let mut script =
        "set -euo pipefail\ntrap 'systemctl stop portcullis nginx caddy' EXIT\n".to_owned();
    for block in commands {
        script += &moved(block, root, http, https);
        script.push('\n');
    }
    fs::write(root.join("script"), &script).unwrap();
    let path = std::env::var("PATH").unwrap();
    let output = Command::new("timeout")
        .args([&(6 * PATIENCE.as_secs()).to_string(), "bash", "../script"])
        .current_dir(root.join("checkout"))
        .env_clear()
        .env(
            "PATH",
            format!("{0}/bin:{0}/usr/local/bin:{path}:/usr/sbin", root.display()),
        )
        .env("HOME", root.join("run"))
        .env("ROOT", root)
        .env("NGINX_PROGRAM", installed("nginx"))
        .env("CADDY_PROGRAM", installed("caddy"))
        .env("BIND", format!("127.0.0.1:{http}"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let logs: Vec<_> = ["portcullis.log", "nginx.log", "caddy.log"]
        .iter()
        .map(|name| fs::read_to_string(root.join("run").join(name)).unwrap_or_default())
        .collect();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{said}\n{error}\n{}",
        logs.join("\n---\n")
    );

    // Asked directly, through each proxy, after the restore and after the update.
    assert_eq!(said.matches(r#"{"status":"ok"}"#).count(), 5, "{said}");
    let database = root.join("var/lib/portcullis/users.db");
    assert_eq!(emails(&database).await, ["admin@example.com"]);
    let backups = root.join("var/backups/portcullis");
    for start in ["users-", "before-update-"] {
        assert_eq!(
            emails(&found(&backups, start).unwrap()).await,
            ["admin@example.com"]
        );
    }
    // By hand and by the timer's service.
    assert_eq!(fs::read_dir(&backups).unwrap().count(), 3);
    assert!(found(&root.join("var/lib/portcullis"), "users.db.before-restore-").is_some());
    let configuration = fs::read_to_string(root.join("etc/portcullis/.env")).unwrap();
    for (name, times) in [
        ("SECRET_KEY=", 1),
        ("SECRET_KEY_PREVIOUS=", 0),
        ("ADMIN_", 0),
        ("DATABASE=", 1),
    ] {
        let lines = configuration.lines().filter(|line| line.starts_with(name));
        assert_eq!(lines.count(), times, "{name}");
    }
    assert!(!root.join("etc/portcullis/new-password").exists());
    assert_eq!(
        root.join("etc/portcullis/.env")
            .metadata()
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o640
    );
}
