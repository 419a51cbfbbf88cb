/** Rust's allocator as its names have it: what __rust_alloc leads to, and what of the standard library calls that, inlined or not. */
const RUST =
  /^(__rustc::)?_?_?(rdl|rust|rg)_(alloc|dealloc|realloc|alloc_zeroed)$|^alloc::alloc::|^std::alloc::|<std::alloc::System as|<alloc::alloc::Global|^alloc::raw_vec::/;
/** Functions of libc's, by which a call is known for one of C's own. */
const C =
  /^(malloc|calloc|realloc|reallocarray|aligned_alloc|memalign|posix_memalign|valloc|pvalloc|strn?dup|free|cfree)(@.*)?$/;
const CPP = /^operator (new|delete)\b|^_Z(nw|na|dl|da)/;

export function isRustAllocator(name: string): boolean {
  return RUST.test(name);
}

export function isCAllocator(name: string): boolean {
  return C.test(name);
}

export function isAllocator(name: string): boolean {
  return RUST.test(name) || C.test(name) || CPP.test(name);
}
