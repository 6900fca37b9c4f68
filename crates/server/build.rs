//! Tells cargo that the assets are part of this crate. Without optimisation they are read from their folder when the server
//! starts: a changed one would change no program, so nobody would start the server again.

fn main() {
    println!("cargo::rerun-if-changed=assets");
}
