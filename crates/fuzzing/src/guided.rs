//! libFuzzer, for `cargo xtask fuzz`.

use std::ffi::{CString, c_char, c_int};
use std::sync::OnceLock;

type Property = Box<dyn Fn(&[u8]) + Send + Sync>;

/// What libFuzzer's calls are for. It calls a C function, which can hold nothing by itself.
static PROPERTY: OnceLock<Property> = OnceLock::new();

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let property = PROPERTY.get().expect("it is set before libFuzzer begins");
    property(input);
});

#[expect(
    unsafe_code,
    reason = "what libFuzzer exports, as its `FuzzerInterface.h` says"
)]
unsafe extern "C" {
    /// Returns when it has had its time; a fault ends the process.
    fn LLVMFuzzerRunDriver(
        count: *mut c_int,
        arguments: *mut *mut *mut c_char,
        one_input: unsafe extern "C" fn(*const u8, usize) -> c_int,
    ) -> c_int;

    /// Made by `fuzz_target!`.
    fn LLVMFuzzerTestOneInput(data: *const u8, size: usize) -> c_int;
}

#[expect(
    clippy::disallowed_methods,
    reason = "this crate is a part of no program, and the fuzzer's process can be told in no other way"
)]
fn told(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

pub(crate) fn run(target: &str, _: u32, property: impl Fn(&[u8]) + Send + Sync + 'static) {
    // All targets of a crate are one program: it fuzzes one of them.
    if told("FUZZ_TARGET") != target {
        return;
    }
    assert!(
        PROPERTY.set(Box::new(property)).is_ok(),
        "one target at a time"
    );
    let arguments = format!("fuzz\n{}", told("FUZZ_ARGUMENTS"));
    let arguments = arguments.lines().map(|line| {
        let line = CString::new(line).expect("no argument has a NUL in it");
        line.into_raw()
    });
    let mut arguments: Vec<*mut c_char> = arguments.collect();
    let mut count = c_int::try_from(arguments.len()).expect("a handful");
    arguments.push(std::ptr::null_mut());
    let mut arguments = arguments.as_mut_ptr();
    #[expect(
        unsafe_code,
        reason = "the arguments are C strings that are never freed, behind a null pointer as in `main`"
    )]
    let code = unsafe { LLVMFuzzerRunDriver(&mut count, &mut arguments, LLVMFuzzerTestOneInput) };
    std::process::exit(code);
}
