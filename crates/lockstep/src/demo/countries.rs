//! Where the invented people live: calling codes, number patterns and names.

/// A place where some of the people live.
pub(super) struct Country {
    /// The calling code with its `+`.
    pub(super) code: &'static str,
    /// A mobile number after the code; each `#` becomes a digit. At least six, so that a million people differ.
    pub(super) mobile: &'static str,
    pub(super) city: &'static str,
    /// First names as written there, and in Latin letters for addresses.
    pub(super) first: &'static [(&'static str, &'static str)],
    pub(super) last: &'static [(&'static str, &'static str)],
}

pub(super) const COUNTRIES: [Country; 14] = [
    Country {
        code: "+62",
        mobile: "812########",
        city: "Bandung",
        first: &[
            ("Budi", "budi"),
            ("Siti", "siti"),
            ("Dewi", "dewi"),
            ("Agus", "agus"),
            ("Putri", "putri"),
            ("Rizky", "rizky"),
        ],
        last: &[
            ("Santoso", "santoso"),
            ("Wijaya", "wijaya"),
            ("Lestari", "lestari"),
            ("Nur Aini", "nuraini"),
            ("Hidayat", "hidayat"),
        ],
    },
    Country {
        code: "+62",
        mobile: "857########",
        city: "Surabaya",
        first: &[("Wayan", "wayan"), ("Ketut", "ketut"), ("Made", "made"), ("Intan", "intan")],
        last: &[("Pratama", "pratama"), ("Kusuma", "kusuma"), ("Saputra", "saputra")],
    },
    Country {
        code: "+55",
        mobile: "119########",
        city: "São Paulo",
        first: &[("João", "joao"), ("Mariana", "mariana"), ("Antônio", "antonio"), ("Beatriz", "beatriz")],
        last: &[("da Silva", "dasilva"), ("Gonçalves", "goncalves"), ("Araújo", "araujo")],
    },
    Country {
        code: "+52",
        mobile: "55########",
        city: "Ciudad de México",
        first: &[("José", "jose"), ("Guadalupe", "guadalupe"), ("Íñigo", "inigo"), ("Lucía", "lucia")],
        last: &[("Hernández Ruiz", "hernandez"), ("Núñez", "nunez"), ("Ortega", "ortega")],
    },
    Country {
        code: "+49",
        mobile: "151########",
        city: "Köln",
        first: &[("Jürgen", "juergen"), ("Käthe", "kaethe"), ("Max", "max"), ("Anna-Lena", "annalena")],
        last: &[("Müller", "mueller"), ("Groß", "gross"), ("von der Heide", "vonderheide")],
    },
    Country {
        code: "+44",
        mobile: "74########",
        city: "Leeds",
        first: &[("Oliver", "oliver"), ("Siân", "sian"), ("Amelia", "amelia"), ("Harry", "harry")],
        last: &[("O'Connor", "oconnor"), ("Smith-Jones", "smithjones"), ("Wood", "wood")],
    },
    Country {
        code: "+966",
        mobile: "50#######",
        city: "الرياض",
        first: &[("محمد", "mohammed"), ("فاطمة", "fatima"), ("عبد الله", "abdullah"), ("نورة", "noura")],
        last: &[("القحطاني", "alqahtani"), ("الحربي", "alharbi"), ("العتيبي", "alotaibi")],
    },
    Country {
        code: "+86",
        mobile: "138########",
        city: "上海",
        first: &[("伟", "wei"), ("秀英", "xiuying"), ("建国", "jianguo"), ("小龙", "xiaolong")],
        last: &[("王", "wang"), ("李", "li"), ("欧阳", "ouyang")],
    },
    Country {
        code: "+81",
        mobile: "90########",
        city: "大阪",
        first: &[("さくら", "sakura"), ("健太", "kenta"), ("ユキ", "yuki")],
        last: &[("佐藤", "sato"), ("高橋", "takahashi"), ("渡辺", "watanabe")],
    },
    Country {
        code: "+7",
        mobile: "912#######",
        city: "Казань",
        first: &[("Иван", "ivan"), ("Ольга", "olga"), ("Пётр", "pyotr"), ("Юлия", "yulia")],
        last: &[("Петров", "petrov"), ("Соловьёва", "solovyova"), ("Щукин", "shchukin")],
    },
    Country {
        code: "+66",
        mobile: "81#######",
        city: "เชียงใหม่",
        first: &[("สมชาย", "somchai"), ("มาลี", "malee"), ("อรทัย", "orathai")],
        last: &[("ใจดี", "jaidee"), ("รักไทย", "rakthai"), ("แสงทอง", "saengthong")],
    },
    Country {
        code: "+91",
        mobile: "98########",
        city: "पुणे",
        first: &[("प्रिया", "priya"), ("राहुल", "rahul"), ("Arjun", "arjun")],
        last: &[("शर्मा", "sharma"), ("Iyer", "iyer"), ("पटेल", "patel")],
    },
    Country {
        code: "+30",
        mobile: "69########",
        city: "Θεσσαλονίκη",
        first: &[("Γιώργος", "giorgos"), ("Ελένη", "eleni"), ("Νίκος", "nikos")],
        last: &[("Παπαδόπουλος", "papadopoulos"), ("Δήμου", "dimou")],
    },
    Country {
        code: "+234",
        mobile: "803#######",
        city: "Lagos",
        first: &[("Chinedu", "chinedu"), ("Ngozi", "ngozi"), ("Tolú", "tolu"), ("Ifeoma", "ifeoma")],
        last: &[("Okafor", "okafor"), ("Adébáyò", "adebayo"), ("Eze", "eze")],
    },
];
