//! The conditions on instances and members that several statements share.
//!
//! In these texts `i` is the instance, and `x` a row of its inbox.

use engine::states::Attention;
use engine::states::{Command, InstanceState};

/// The condition of a live member.
pub const LIVE_MEMBER: &str = "state IN ('joining', 'active', 'draining')";

/// The condition of an instance that runs, in the words of the index of the unowned.
pub const RUNS_CONDITION: &str = "i.attention IS NULL AND i.state IN ('running', 'pausing', 'stopping')";

/// Writes the condition under which an instance needs an owner: it runs, or its inbox holds a command that
/// applies. A relayed result makes no owner needed.
pub(crate) fn needs_owner() -> String {
    format!("(({RUNS_CONDITION}) OR {})", has_applicable_command())
}

/// Writes the condition of an instance whose inbox holds a command that applies.
pub(crate) fn has_applicable_command() -> String {
    format!(
        "EXISTS (SELECT 1 FROM inbox x WHERE x.instance = i.id AND {})",
        command_applies()
    )
}

/// Writes the condition under which the command of inbox row `x` can apply to instance `i`, from the engine's rule.
pub(crate) fn command_applies() -> String {
    let attention = Attention {
        code: String::new(),
        detail: String::new(),
    };
    let mut applicable = Vec::new();
    for verb in Command::ALL {
        for state in InstanceState::ALL {
            if verb.applies_in(*state, None) {
                applicable.push(format!("'{verb}/{state}/'"));
            }
            if verb.applies_in(*state, Some(&attention)) {
                applicable.push(format!("'{verb}/{state}/attention'"));
            }
        }
    }
    format!(
        "x.kind = 'command' AND x.applied_at IS NULL AND x.run = i.run AND (x.command || '/' || i.state || '/' || \
         CASE WHEN i.attention IS NULL THEN '' ELSE 'attention' END) IN ({})",
        applicable.join(", ")
    )
}
