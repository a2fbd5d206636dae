//! Which boot of the machine this is: what lives in the memory of the kernel is gone with it.

/// Bytes of a boot's name.
pub(super) const BOOT_BYTES: usize = 16;

/// The name of this boot; `None` where the system gives it none.
pub(super) fn boot() -> Option<[u8; BOOT_BYTES]> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    let mut boot = [0; BOOT_BYTES];
    hex::decode_to_slice(digits, &mut boot).ok()?;
    Some(boot)
}
