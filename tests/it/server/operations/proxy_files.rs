//! What the configuration files of the proxies must hold, read and not run.

use super::guide::GUIDE;
use super::proxy::deploy;
use crate::limits::Limits;
use std::fs;

#[test]
fn nginx_ends_a_connection_before_the_server_does() {
    let text = fs::read_to_string(deploy().join("nginx.conf")).unwrap();
    let (_, rest) = text.split_once("keepalive_time ").unwrap();
    let minutes: u64 = rest.split_once("m;").unwrap().0.parse().unwrap();
    assert!(60 * minutes < Limits::default().connection.as_secs());
}

/// The folder of the configuration holds the keys of tokens, and the proxy is what strangers talk to.
#[test]
fn the_proxy_is_given_no_file_in_the_folder_of_the_keys() {
    for word in ["usermod", "gpasswd", "adduser"] {
        assert!(!GUIDE.contains(word), "{word}");
    }
    for file in ["Caddyfile", "nginx.conf"] {
        let text = fs::read_to_string(deploy().join(file)).unwrap();
        assert!(text.contains("/etc/portcullis-tls/privkey.pem"), "{file}");
        assert!(!text.contains("/etc/portcullis/"), "{file}");
    }
}
