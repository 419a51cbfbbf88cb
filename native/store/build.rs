fn main() {
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libffi_doctor_store.so");
    println!("cargo::rerun-if-changed=build.rs");
}
