//! Makes a failing story short enough for a person to read.

use super::oracle::Findings;
use super::script::Cue;
use super::story::{Storm, Told};

/// Replays that a shrinking may cost.
const REPLAYS_MAX: usize = 200;

/// Leaves out acts of a failed story, in ever smaller groups, as long as it still ends in a finding of the same kind.
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

fn kinds(findings: &Findings) -> Vec<&'static str> {
    let mut kinds: Vec<&str> = findings.all().map(|(kind, _)| kind).collect();
    kinds.dedup();
    kinds
}

fn without(script: &[Cue], from: usize, group: usize) -> Vec<Cue> {
    let to = (from + group).min(script.len());
    script[..from].iter().chain(&script[to..]).cloned().collect()
}
