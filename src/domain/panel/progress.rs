//! Progress bars made of block characters.

/// How many blocks a bar has.
const BLOCKS: u8 = 10;

/// A share, from 0 to 1, as ten blocks: `▰▰▰▱▱▱▱▱▱▱`. Anything above 0 shows the first block, and only 1
/// shows the last.
pub fn bar(share: f64) -> String {
    let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
    let full = (1..=BLOCKS).filter(|block| share * f64::from(BLOCKS) >= f64::from(*block)).count();
    let full = if share > 0.0 { full.max(1) } else { 0 };
    let empty = usize::from(BLOCKS) - full;
    format!("{}{}", "▰".repeat(full), "▱".repeat(empty))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_exact() {
        assert_eq!(bar(0.0), "▱▱▱▱▱▱▱▱▱▱");
        assert_eq!(bar(0.001), "▰▱▱▱▱▱▱▱▱▱");
        assert_eq!(bar(0.5), "▰▰▰▰▰▱▱▱▱▱");
        assert_eq!(bar(0.999), "▰▰▰▰▰▰▰▰▰▱");
        assert_eq!(bar(1.0), "▰▰▰▰▰▰▰▰▰▰");
        assert_eq!(bar(f64::NAN), bar(-1.0));
    }
}
