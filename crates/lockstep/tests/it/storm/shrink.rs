//! Makes a failing story short enough for a person to read.

use super::oracle::Findings;
use super::script::Cue;
use super::story::{Storm, Told};

/// Replays that a shrinking may cost.
const REPLAYS_MAX: usize = 200;

/// Leaves out acts of a failed story, in ever smaller groups, as long as it still ends in a finding of the same kind and wording.
/// `None` when it does not even fail again as a whole. Always on SQLite.
pub fn shrunk(failed: &Told) -> Option<Told> {
    let wanted = kinds(&failed.findings);
    let replay = |script: Vec<Cue>| Storm::play(failed.weather.clone(), script, false, None);
    let fails = |told: &Told| kinds(&told.findings).iter().any(|kind| wanted.contains(kind));
    let mut best = Some(replay(failed.script.clone())).filter(fails)?;
    let mut replays = 1;
    let mut group = best.script.len().div_ceil(2);
    while group > 0 {
        let mut from = 0;
        while from < best.script.len() && replays < REPLAYS_MAX {
            let shorter = replay(without(&best.script, from, group));
            replays += 1;
            if fails(&shorter) {
                best = shorter;
            } else {
                from += group;
            }
        }
        group /= 2;
    }
    Some(best)
}

/// What findings say, without ids and values: those differ when acts are left out.
fn kinds(findings: &Findings) -> Vec<String> {
    let is_ours = |word: &&str| word.chars().all(|c| c.is_ascii_lowercase() || matches!(c, ',' | ':'));
    let wording = |text: &str| text.split_whitespace().filter(is_ours).collect::<Vec<_>>().join(" ");
    findings.all().map(|(kind, text)| format!("{kind}: {}", wording(text))).collect()
}

fn without(script: &[Cue], from: usize, group: usize) -> Vec<Cue> {
    let to = (from + group).min(script.len());
    script[..from].iter().chain(&script[to..]).cloned().collect()
}
