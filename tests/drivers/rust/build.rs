//! Tells the program which version of the driver it is built with.

fn main() {
    println!("cargo::rerun-if-changed=Cargo.lock");
    let lock = std::fs::read_to_string("Cargo.lock").expect("cargo has written Cargo.lock");
    let mut lines = lock.lines().skip_while(|line| *line != "name = \"scylla\"");
    let version = lines.nth(1).and_then(|line| line.split('"').nth(1));
    println!("cargo::rustc-env=SCYLLA_VERSION={}", version.expect("scylla is locked"));
}
