//! Twin: the counters are written field by field into memory that was never set, and `reserved` was forgotten. What the host gets there
//! is what the heap held before. The cure is a struct expression, which cannot leave a field out.

use super::fds_stats;
use std::mem::MaybeUninit;

#[inline(never)]
pub fn without_reserved(
    out: *mut fds_stats,
    stats: &fds_stats,
) -> (*mut MaybeUninit<fds_stats>, MaybeUninit<fds_stats>) {
    let mut copy = std::hint::black_box(Box::<fds_stats>::new_uninit());
    let place = copy.as_mut_ptr();
    // SAFETY: each field lies within `copy`.
    unsafe {
        (&raw mut (*place).struct_size).write(stats.struct_size);
        (&raw mut (*place).gets).write(stats.gets);
        (&raw mut (*place).puts).write(stats.puts);
        (&raw mut (*place).deletes).write(stats.deletes);
        (&raw mut (*place).scans_open).write(stats.scans_open);
        (&raw mut (*place).bytes_outstanding).write(stats.bytes_outstanding);
        (&raw mut (*place).worker_thread_id).write(stats.worker_thread_id);
    }
    (out.cast(), *copy)
}
