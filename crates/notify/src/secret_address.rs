//! Addresses that are secrets, as services give them out: a receiver repeats only the path, or less of it.

use reqwest::Url;

/// The fewest bytes of a part of an address that is a secret by itself; shorter ones are words like `services`.
const MIN_PART_BYTES: usize = 16;

/// Returns the parts of a secret that are to be masked by themselves; none of a text that is no address.
pub(crate) fn address_parts(secret: &str) -> Vec<String> {
    let Ok(url) = Url::parse(secret) else {
        return Vec::new();
    };
    let path = url.path_segments().into_iter().flatten().map(str::to_owned);
    let query = url.query_pairs().map(|(_, value)| value.into_owned());
    path.chain(query)
        .filter(|part| part.len() >= MIN_PART_BYTES)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_long_parts_of_an_address_are_secrets_too() {
        let slack = address_parts("https://hooks.slack.com/services/T0123/B0123/abcdefghijklmnopqrstuvwx");
        assert_eq!(slack, ["abcdefghijklmnopqrstuvwx"]);
        let robot = address_parts("https://oapi.dingtalk.com/robot/send?access_token=0123456789abcdef%2B");
        assert_eq!(robot, ["0123456789abcdef+"]);
        assert!(address_parts("a token, not an address").is_empty());
    }
}
