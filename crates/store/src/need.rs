//! When an instance needs an owner: the one condition that claims and readers share.
//!
//! In these texts `i` is the instance.

use engine::instance::Attention;
use engine::states::{InstanceState, Verb};

/// The condition of an instance that runs, in the words of the index of the unowned.
pub(super) const RUNS: &str = "i.attention IS NULL AND i.state IN ('running', 'pausing', 'stopping')";

/// Writes the condition under which an instance needs an owner: it runs, or its inbox holds a verb that applies.
/// A kept result makes no owner needed.
pub(super) fn needs_owner() -> String {
    format!("(({RUNS}) OR {})", is_woken())
}

/// Writes the condition of an instance whose inbox holds a verb that applies.
pub(super) fn is_woken() -> String {
    format!(
        "EXISTS (SELECT 1 FROM inbox x WHERE x.instance = i.id AND {})",
        verb_applies()
    )
}

/// Writes the condition under which the verb of inbox row `x` can apply to instance `i`, from the engine's rule.
pub(super) fn verb_applies() -> String {
    let attention = Attention {
        code: String::new(),
        detail: String::new(),
    };
    let mut fits = Vec::new();
    for verb in Verb::ALL {
        for state in InstanceState::ALL {
            if verb.applies_in(*state, None) {
                fits.push(format!("'{verb}/{state}/'"));
            }
            if verb.applies_in(*state, Some(&attention)) {
                fits.push(format!("'{verb}/{state}/attention'"));
            }
        }
    }
    format!(
        "x.kind = 'verb' AND x.applied_at IS NULL AND x.run = i.run AND (x.verb || '/' || i.state || '/' || \
         CASE WHEN i.attention IS NULL THEN '' ELSE 'attention' END) IN ({})",
        fits.join(", ")
    )
}
