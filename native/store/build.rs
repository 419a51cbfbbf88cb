fn main() {
    // Hosts find the library by this name whatever variant they run; without it they would record the path they were linked with.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libffi_doctor_store.so");
    // The workers run this library's code: a dlclose must never unmap it under them.
    if std::env::var_os("CARGO_FEATURE_UNLOAD_RUNNING").is_none() {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
    println!("cargo::rerun-if-changed=build.rs");
}
