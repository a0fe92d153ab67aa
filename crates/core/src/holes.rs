//! Planted holes: defects that can be switched on, to prove that the storm finds them.
//!
//! Only a build with the feature `holes` has them, and no released program is built with it. Without the feature
//! [`open`] is constantly false and nothing is left of the places that ask.

macro_rules! holes {
    ($($(#[doc = $story:literal])+ $hole:ident = $name:literal;)*) => {
        /// One defect.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Hole {
            $($(#[doc = $story])+ $hole,)*
        }

        impl Hole {
            /// Every hole.
            pub const ALL: &[Self] = &[$(Self::$hole,)*];

            /// The name at the command line.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$hole => $name,)*
                }
            }

            /// What goes wrong, in one sentence.
            pub const fn story(self) -> &'static str {
                match self {
                    $(Self::$hole => concat!($($story,)+).trim_ascii(),)*
                }
            }
        }
    };
}

holes! {
    /// A change whose time equals the stored one is dropped, though its content differs.
    DropEqualTimestamp = "drop-equal-timestamp";
    /// A delete that the CRM did not take is not sent again.
    NoResendDelete = "no-resend-delete";
    /// A value that comes back to what we once wrote is swallowed as a repeat.
    SwallowRepeat = "swallow-repeat";
    /// Waiting for our own budget counts as a failed try.
    CountPacingAsTry = "count-pacing-as-try";
    /// A record that cannot be seen is taken for deleted.
    NotFoundIsDelete = "404-is-delete";
    /// A second contact that matches takes the record from its pair.
    StealPair = "steal-pair";
    /// The base stays where it was after our own write.
    BaseNotAdvanced = "base-not-advanced";
    /// Nothing is written down before it is sent.
    NoIntents = "no-intents";
    /// The merge forgets what both sides held when last in step.
    NoBase = "no-base";
    /// The dirty mark is cleared although an edit came in between.
    ClearDirtyBlindly = "clear-dirty-blindly";
    /// A new job is dropped because one of its kind is running.
    DedupeAgainstRunning = "dedupe-against-running";
    /// The scan's cursor is saved before the data that it covers.
    CursorBeforeData = "cursor-before-data";
}

impl Hole {
    /// Reads the name at the command line.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|hole| hole.name() == name)
    }
}

/// Whether this build can have holes at all.
pub const PRESENT: bool = cfg!(feature = "holes");

#[cfg(feature = "holes")]
static PLANTED: std::sync::OnceLock<Hole> = std::sync::OnceLock::new();

/// Opens one hole for the rest of the process. A second one is ignored.
#[cfg(feature = "holes")]
pub fn plant(hole: Hole) {
    PLANTED.get_or_init(|| hole);
}

/// Whether the hole is open.
#[cfg(feature = "holes")]
pub fn open(hole: Hole) -> bool {
    PLANTED.get() == Some(&hole)
}

/// Whether the hole is open: it never is in this build.
#[cfg(not(feature = "holes"))]
pub const fn open(_hole: Hole) -> bool {
    false
}
