//! The script of a story: what people, the vendor and bad luck do, and when. Drawn once, so that it can be shrunk.

use std::time::Duration;

use lockstep_core::mapping::model::Side;
use lockstep_sandbox::Effect;

use super::ledger::Cell;
use super::weather::{Dice, Weather};

/// Acts of a drawn script. More than enough for the hundred edits that a story must hold.
const ACTS: usize = 340;

/// One act and how many boundaries between two effects of the engine pass before it. An engine with nothing to do
/// does not make anybody wait.
#[derive(Clone, Debug, PartialEq)]
pub struct Cue {
    pub wait: u8,
    pub act: Act,
}

/// What happens. A `who` is taken modulo those who live; a `serial` makes a value unique.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    Edit {
        side: Side,
        who: u8,
        give: Give,
    },
    /// The same cell on both sides at once.
    Collide {
        who: u8,
        cell: Cell,
        serial: u16,
    },
    /// A person is made on one side; with `twin` it is somebody of the other side, in another spelling.
    Create {
        side: Side,
        twin: Option<u8>,
        serial: u16,
    },
    /// A person is made on both sides at once.
    CreateBoth {
        serial: u16,
    },
    Delete {
        side: Side,
        who: u8,
    },
    Restore {
        who: u8,
    },
    Merge {
        kept: u8,
        lost: u8,
    },
    /// Somebody in the CRM brings back the e-mail address that a pair had before its last edit.
    Waver {
        who: u8,
    },
    SwapPhones {
        a: u8,
        b: u8,
    },
    Hooks(Hooks),
    Mishap(Mishap),
    /// The process dies here and starts again on its database.
    Kill,
    /// It dies so many boundaries after it has read a page of changes with something new in it.
    KillAfterPage {
        boundaries: u8,
    },
    Pass(Duration),
}

/// A new value for one cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Give {
    pub cell: Cell,
    pub serial: u16,
    pub style: Style,
}

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// As usual.
    Plain,
    /// In a spelling that means the same: capitals, spaces around, dashes.
    Sloppy,
    /// Nothing: the value is cleared.
    Cleared,
    /// What stood there before the last edit.
    Back,
}

/// What becomes of the webhooks that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hooks {
    Deliver,
    Lose,
    Double,
    Reverse,
    /// All that were ever sent come again.
    Old,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum Mishap {
    /// The sandbox's fault switch, on writes only or on any call.
    Fault {
        writes: bool,
        effect: Effect,
        skip: u32,
    },
    /// The grant is taken back; a person consents again later.
    Revoke,
    Reconsent,
    ExpireTokens,
    Hide {
        who: u8,
    },
    UnhideAll,
    DropProperty,
    RecreateProperty,
    /// The CRM's clock is off by this much from now on.
    VendorClock {
        secs: i64,
    },
    /// Our own clock steps back.
    OurClock {
        secs: i64,
    },
}

impl Mishap {
    /// Whether it can happen at any vendor.
    pub fn is_anywhere(&self) -> bool {
        matches!(self, Self::Fault { .. } | Self::VendorClock { .. } | Self::OurClock { .. })
    }
}

/// Draws a story.
pub fn drawn(weather: &Weather) -> Vec<Cue> {
    let dice = Dice::new(weather.seed);
    let mut script: Vec<Cue> = Vec::with_capacity(ACTS + 8);
    for n in 0..ACTS {
        let serial = u16::try_from(n).unwrap_or(u16::MAX);
        let act = if dice.chance(weather.fault_percent) { mishap(&dice) } else { ordinary(&dice, serial) };
        let wait = u8::try_from(if dice.chance(40) { 0 } else { dice.between(1, 9) }).unwrap_or(0);
        let undo = undoing(&act);
        script.push(Cue { wait, act });
        if let Some(act) = undo {
            let wait = u8::try_from(dice.between(5, 40)).unwrap_or(5);
            script.push(Cue { wait, act: Act::Pass(dice.secs(1, 400)) });
            script.push(Cue { wait: 0, act });
        }
    }
    script.extend(a_change_of_mind(&dice, weather));
    script.extend(a_page_lost(&dice, weather));
    script
}

/// An edit of the inbox that the CRM takes back and makes again: the same value, but news each time.
fn a_change_of_mind(dice: &Dice, weather: &Weather) -> Vec<Cue> {
    let who = who(dice) | 1;
    let give = Give { cell: Cell::Email, serial: 1_100, style: Style::Plain };
    let pass = Act::Pass(weather.poll * 2);
    let waver = Act::Waver { who };
    let acts = [Act::Edit { side: Side::Inbox, who, give }, pass.clone(), waver.clone(), pass.clone(), waver, pass];
    acts.into_iter().map(|act| Cue { wait: 0, act }).collect()
}

/// Edits that only a poll can see, read by a process that dies before it is done with them. No census mends that before
/// the polls are judged.
fn a_page_lost(dice: &Dice, weather: &Weather) -> Vec<Cue> {
    let cell = Cell::Name;
    let edits = (0..2).map(|n| Act::Edit {
        side: Side::Crm,
        who: who(dice),
        give: Give { cell, serial: 1_000 + n, style: Style::Plain },
    });
    let boundaries = u8::try_from(dice.between(0, 7)).unwrap_or(0);
    let dies = [
        Act::Hooks(Hooks::Lose),
        Act::KillAfterPage { boundaries },
        Act::Pass(weather.poll * 2),
        Act::Hooks(Hooks::Lose),
    ];
    edits.chain(dies).map(|act| Cue { wait: 0, act }).collect()
}

/// Mishaps that a person or the vendor mends soon.
fn undoing(act: &Act) -> Option<Act> {
    let Act::Mishap(mishap) = act else { return None };
    match mishap {
        Mishap::Revoke => Some(Act::Mishap(Mishap::Reconsent)),
        Mishap::Hide { .. } => Some(Act::Mishap(Mishap::UnhideAll)),
        Mishap::DropProperty => Some(Act::Mishap(Mishap::RecreateProperty)),
        _ => None,
    }
}

fn who(dice: &Dice) -> u8 {
    u8::try_from(dice.between(0, 255)).unwrap_or(0)
}

fn side(dice: &Dice) -> Side {
    *dice.pick(&[Side::Inbox, Side::Crm])
}

/// An act for when the drawn script held too few of a kind.
pub fn extra_edit(dice: &Dice, serial: u16) -> Act {
    Act::Edit {
        side: side(dice),
        who: who(dice),
        give: Give { cell: *dice.pick(&[Cell::Name, Cell::Email]), serial, style: Style::Plain },
    }
}

fn ordinary(dice: &Dice, serial: u16) -> Act {
    match dice.between(1, 100) {
        1..=48 => edit(dice, serial),
        49..=55 => Act::Collide { who: who(dice), cell: *dice.pick(&[Cell::Name, Cell::Email]), serial },
        56..=59 => {
            let twin = dice.chance(50).then(|| who(dice));
            Act::Create { side: side(dice), twin, serial }
        }
        60 => Act::CreateBoth { serial },
        61 | 62 => Act::Delete { side: side(dice), who: who(dice) },
        63 => Act::Restore { who: who(dice) },
        64 => Act::Merge { kept: who(dice), lost: who(dice) },
        65 => Act::SwapPhones { a: who(dice), b: who(dice) },
        66..=77 => Act::Hooks(*dice.pick(&[
            Hooks::Deliver,
            Hooks::Deliver,
            Hooks::Deliver,
            Hooks::Lose,
            Hooks::Double,
            Hooks::Reverse,
            Hooks::Old,
        ])),
        _ => Act::Pass(*dice.pick(&[dice.secs(0, 2), dice.secs(2, 30), dice.secs(30, 300)])),
    }
}

fn edit(dice: &Dice, serial: u16) -> Act {
    let side = side(dice);
    let private = if side == Side::Inbox { Cell::Note } else { Cell::JobTitle };
    let cell = *dice.pick(&[Cell::Name, Cell::Name, Cell::Name, Cell::Email, Cell::Email, Cell::Phone, private]);
    let style = match dice.between(1, 20) {
        1 | 2 => Style::Sloppy,
        3 => Style::Cleared,
        4 | 5 => Style::Back,
        _ => Style::Plain,
    };
    Act::Edit { side, who: who(dice), give: Give { cell, serial, style } }
}

fn mishap(dice: &Dice) -> Act {
    let mishap = match dice.between(1, 100) {
        1..=68 => Mishap::Fault {
            writes: dice.chance(60),
            effect: effect(dice),
            skip: u32::try_from(dice.between(0, 2)).unwrap_or(0),
        },
        69 | 70 => Mishap::Revoke,
        71..=74 => Mishap::ExpireTokens,
        75..=78 => Mishap::Hide { who: who(dice) },
        79 => Mishap::DropProperty,
        80..=84 => Mishap::VendorClock { secs: *dice.pick(&[-600, -60, 0, 60]) },
        85..=87 => Mishap::OurClock { secs: dice.between(1, 600) },
        _ => return Act::Kill,
    };
    Act::Mishap(mishap)
}

fn effect(dice: &Dice) -> Effect {
    match dice.between(1, 10) {
        1 | 2 => Effect::LostBefore,
        3 | 4 => Effect::LostAfter,
        5 => Effect::Truncate,
        6 => Effect::Reset,
        7 => Effect::PartialBatch { rows: usize::try_from(dice.between(0, 3)).unwrap_or(0) },
        8 => Effect::Status { status: 429, policy: Some("TEN_SECONDLY_ROLLING".to_owned()) },
        _ => Effect::Status {
            status: u16::try_from(*dice.pick(&[423, 477, 500, 502, 503, 504])).unwrap_or(500),
            policy: None,
        },
    }
}

const FIRST: [&str; 8] = ["Ana", "Budi", "María José", "نور", "王", "Jean-Luc", "Ama Serwaa", "Łukasz"];

/// The value that a person types.
pub fn typed(cell: Cell, serial: u16, style: Style) -> Option<String> {
    let first = FIRST[usize::from(serial) % FIRST.len()];
    let value = match cell {
        // Every ninth name is one word.
        Cell::Name if serial % 9 == 8 => format!("K{serial}"),
        Cell::Name => format!("{first} K{serial}"),
        Cell::Email => format!("k{serial}@example.com"),
        Cell::Phone => phone(serial),
        Cell::Note => format!("note {serial}"),
        Cell::JobTitle => format!("title {serial}"),
    };
    match (style, cell) {
        (Style::Cleared, _) => None,
        (Style::Sloppy, Cell::Email) => Some(value.to_uppercase()),
        (Style::Sloppy, Cell::Phone) => Some(format!("{} {}-{}", &value[..3], &value[3..7], &value[7..])),
        (Style::Sloppy, _) => Some(format!(" {value} ")),
        (Style::Plain | Style::Back, _) => Some(value),
    }
}

fn phone(serial: u16) -> String {
    format!("+62812{:07}", 1_000_000 + u32::from(serial))
}
