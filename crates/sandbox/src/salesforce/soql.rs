//! SOQL, as far as an integration needs it: text to tree. Source: Salesforce's SOQL reference.

use super::answer::Wrong;

/// Characters a query may have.
const TEXT_MAX: usize = 100_000;

/// How deep conditions and queries may be nested here.
const DEPTH_MAX: usize = 50;

/// Characters that a message shows before the place of the fault.
const BEFORE: usize = 32;
const AFTER: usize = 20;

/// A name with where it stands in the text, for messages.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Name {
    pub(super) text: String,
    pub(super) at: usize,
}

/// What is selected.
#[derive(Clone, Debug)]
pub(super) enum Item {
    /// A field, perhaps of a record that is referred to: `Account.Name`.
    Field(Name),
    /// `COUNT()`
    CountAll,
    /// `COUNT(Id)`
    Count(Name),
    /// `FIELDS(ALL)`, `FIELDS(STANDARD)` or `FIELDS(CUSTOM)`
    Fields(String),
    /// Records that refer to each that is found.
    Children(Box<Select>),
}

#[derive(Clone, Debug)]
pub(super) enum Literal {
    Null,
    Bool(bool),
    Text(String),
    /// A number, a day or a moment: what it is, its field decides.
    Bare(String),
    /// Such as `TODAY` or `LAST_N_DAYS:7`.
    Day(String),
}

#[derive(Clone, Debug)]
pub(super) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Test { field: Name, operator: String, literals: Vec<Literal> },
}

#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) field: Name,
    pub(super) descends: bool,
    pub(super) nulls_last: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Select {
    pub(super) items: Vec<Item>,
    pub(super) from: Name,
    pub(super) condition: Option<Condition>,
    pub(super) orders: Vec<Order>,
    pub(super) limit: Option<usize>,
    pub(super) offset: usize,
}

/// A fault with the piece of the query where it was found.
pub(super) fn at(code: &str, query: &str, place: usize, message: &str) -> Wrong {
    let letters: Vec<char> = query.chars().collect();
    let place = place.min(letters.len());
    let from = place.saturating_sub(BEFORE);
    let shown: String = letters[from..(place + AFTER).min(letters.len())].iter().collect();
    let spaces = " ".repeat(place - from);
    Wrong::new(code, format!("\n{shown}\n{spaces}^\nERROR at Row:1:Column:{}\n{message}", place + 1))
}

/// Reads a query.
pub(super) fn parse(query: &str) -> Result<Select, Wrong> {
    if query.chars().count() > TEXT_MAX {
        return Err(Wrong::new("MALFORMED_QUERY", "SOQL statements cannot be longer than 100000 characters."));
    }
    let mut parser = Parser::new(query)?;
    let select = parser.select()?;
    parser.end()?;
    Ok(select)
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Bare(String),
    Text(String),
    Sign(String),
}

pub(super) struct Parser<'a> {
    query: &'a str,
    tokens: Vec<(Token, usize)>,
    next: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn new(query: &'a str) -> Result<Self, Wrong> {
        Ok(Self { query, tokens: tokens_of(query)?, next: 0, depth: 0 })
    }

    fn here(&self) -> usize {
        self.tokens.get(self.next).map_or_else(|| self.query.chars().count(), |(_, at)| *at)
    }

    fn unexpected(&self) -> Wrong {
        let message = match self.tokens.get(self.next).map(|(token, _)| token) {
            Some(Token::Word(it) | Token::Bare(it) | Token::Text(it) | Token::Sign(it)) => {
                format!("unexpected token: '{it}'")
            }
            None => "unexpected token: <EOF>".to_owned(),
        };
        at("MALFORMED_QUERY", self.query, self.here(), &message)
    }

    fn sees(&self, word: &str) -> bool {
        matches!(self.tokens.get(self.next), Some((Token::Word(it) | Token::Sign(it), _)) if it.eq_ignore_ascii_case(word))
    }

    pub(super) fn takes(&mut self, word: &str) -> bool {
        let sees = self.sees(word);
        self.next += usize::from(sees);
        sees
    }

    fn expect(&mut self, word: &str) -> Result<(), Wrong> {
        if self.takes(word) { Ok(()) } else { Err(self.unexpected()) }
    }

    pub(super) fn end(&self) -> Result<(), Wrong> {
        if self.next == self.tokens.len() { Ok(()) } else { Err(self.unexpected()) }
    }

    fn name(&mut self) -> Result<Name, Wrong> {
        match self.tokens.get(self.next) {
            Some((Token::Word(text), at)) => {
                self.next += 1;
                Ok(Name { text: text.clone(), at: *at })
            }
            _ => Err(self.unexpected()),
        }
    }

    fn number(&mut self) -> Result<usize, Wrong> {
        match self.tokens.get(self.next) {
            Some((Token::Bare(text), _)) => {
                let number = text.parse().map_err(|_| self.unexpected())?;
                self.next += 1;
                Ok(number)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn select(&mut self) -> Result<Select, Wrong> {
        self.expect("SELECT")?;
        let mut items = vec![self.item()?];
        while self.takes(",") {
            items.push(self.item()?);
        }
        self.expect("FROM")?;
        let from = self.name()?;
        let mut select = Select { items, from, condition: None, orders: Vec::new(), limit: None, offset: 0 };
        self.clauses(&mut select)?;
        Ok(select)
    }

    /// What may follow the object's name; SOSL has the same behind its fields.
    pub(super) fn clauses(&mut self, select: &mut Select) -> Result<(), Wrong> {
        if self.takes("WHERE") {
            select.condition = Some(self.condition()?);
        }
        if self.takes("ORDER") {
            self.expect("BY")?;
            select.orders.push(self.order()?);
            while self.takes(",") {
                select.orders.push(self.order()?);
            }
        }
        if self.takes("LIMIT") {
            select.limit = Some(self.number()?);
        }
        if self.takes("OFFSET") {
            select.offset = self.number()?;
        }
        if self.takes("FOR") && !(self.takes("VIEW") || self.takes("REFERENCE") || self.takes("UPDATE")) {
            return Err(self.unexpected());
        }
        Ok(())
    }

    fn item(&mut self) -> Result<Item, Wrong> {
        if self.takes("(") {
            self.depth += 1;
            if self.depth > DEPTH_MAX {
                return Err(self.unexpected());
            }
            let select = self.select()?;
            self.depth -= 1;
            self.expect(")")?;
            return Ok(Item::Children(Box::new(select)));
        }
        let name = self.name()?;
        if !self.takes("(") {
            return Ok(Item::Field(name));
        }
        let item = if name.text.eq_ignore_ascii_case("COUNT") {
            if self.sees(")") { Item::CountAll } else { Item::Count(self.name()?) }
        } else if name.text.eq_ignore_ascii_case("FIELDS") {
            Item::Fields(self.name()?.text.to_uppercase())
        } else {
            return Err(at("MALFORMED_QUERY", self.query, name.at, &format!("unknown function: {}", name.text)));
        };
        self.expect(")")?;
        Ok(item)
    }

    fn order(&mut self) -> Result<Order, Wrong> {
        let field = self.name()?;
        let descends = self.takes("DESC");
        if !descends {
            self.takes("ASC");
        }
        let mut nulls_last = false;
        if self.takes("NULLS") {
            nulls_last = self.takes("LAST");
            if !nulls_last {
                self.expect("FIRST")?;
            }
        }
        Ok(Order { field, descends, nulls_last })
    }

    /// Tests joined by AND, or by OR, but never by both without parentheses.
    fn condition(&mut self) -> Result<Condition, Wrong> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.unexpected());
        }
        let mut parts = vec![self.test()?];
        let word = if self.sees("AND") { "AND" } else { "OR" };
        while self.takes(word) {
            parts.push(self.test()?);
        }
        self.depth -= 1;
        Ok(if word == "AND" { Condition::All(parts) } else { Condition::Any(parts) })
    }

    fn test(&mut self) -> Result<Condition, Wrong> {
        if self.takes("NOT") {
            self.depth += 1;
            if self.depth > DEPTH_MAX {
                return Err(self.unexpected());
            }
            let inner = self.test()?;
            self.depth -= 1;
            return Ok(Condition::Not(Box::new(inner)));
        }
        if self.takes("(") {
            let inner = self.condition()?;
            self.expect(")")?;
            return Ok(inner);
        }
        let field = self.name()?;
        let operators = ["!=", "<>", "<=", ">=", "=", "<", ">", "LIKE", "IN", "INCLUDES", "EXCLUDES"];
        let operator = if self.takes("NOT") {
            self.expect("IN")?;
            "NOT IN"
        } else {
            operators.into_iter().find(|it| self.takes(it)).ok_or_else(|| self.unexpected())?
        };
        let mut literals = Vec::new();
        if matches!(operator, "IN" | "NOT IN" | "INCLUDES" | "EXCLUDES") {
            self.expect("(")?;
            literals.push(self.literal()?);
            while self.takes(",") {
                literals.push(self.literal()?);
            }
            self.expect(")")?;
        } else {
            literals.push(self.literal()?);
        }
        let operator = if operator == "<>" { "!=" } else { operator }.to_owned();
        Ok(Condition::Test { field, operator, literals })
    }

    fn literal(&mut self) -> Result<Literal, Wrong> {
        let literal = match self.tokens.get(self.next) {
            Some((Token::Text(text), _)) => Literal::Text(text.clone()),
            Some((Token::Bare(text), _)) => Literal::Bare(text.clone()),
            Some((Token::Word(word), _)) => match word.to_uppercase().as_str() {
                "NULL" => Literal::Null,
                "TRUE" => Literal::Bool(true),
                "FALSE" => Literal::Bool(false),
                day => Literal::Day(day.to_owned()),
            },
            _ => return Err(self.unexpected()),
        };
        self.next += 1;
        Ok(literal)
    }

    /// The names in parentheses behind an object in SOSL, and what follows them: `Contact(Id, Phone LIMIT 5)`.
    pub(super) fn returned(&mut self) -> Result<Select, Wrong> {
        let from = self.name()?;
        let mut select =
            Select { items: Vec::new(), from, condition: None, orders: Vec::new(), limit: None, offset: 0 };
        if self.takes("(") {
            select.items.push(Item::Field(self.name()?));
            while self.takes(",") {
                select.items.push(Item::Field(self.name()?));
            }
            self.clauses(&mut select)?;
            self.expect(")")?;
        }
        Ok(select)
    }

    /// A `LIMIT` of a whole search.
    pub(super) fn limit(&mut self) -> Result<Option<usize>, Wrong> {
        if self.takes("LIMIT") { self.number().map(Some) } else { Ok(None) }
    }
}

fn tokens_of(query: &str) -> Result<Vec<(Token, usize)>, Wrong> {
    let letters: Vec<char> = query.chars().collect();
    let mut tokens = Vec::new();
    let mut place = 0;
    while let Some(&letter) = letters.get(place) {
        let start = place;
        let run = |from: usize, fits: fn(char) -> bool| {
            letters[from..].iter().position(|it| !fits(*it)).map_or(letters.len(), |length| from + length)
        };
        let text = |from: usize, to: usize| letters[from..to].iter().collect::<String>();
        let starts_number = letter.is_ascii_digit()
            || matches!(letter, '-' | '+') && letters.get(place + 1).is_some_and(char::is_ascii_digit);
        if letter.is_whitespace() {
            place += 1;
        } else if letter == '\'' {
            let (value, end) = quoted(&letters, place)
                .ok_or_else(|| at("MALFORMED_QUERY", query, start, "expecting a right quote, found: <EOF>"))?;
            tokens.push((Token::Text(value), start));
            place = end;
        } else if letter.is_alphabetic() || letter == '_' {
            place = run(place, |it| it.is_alphanumeric() || matches!(it, '_' | '.' | ':'));
            tokens.push((Token::Word(text(start, place)), start));
        } else if starts_number {
            place = run(place + 1, |it| it.is_alphanumeric() || matches!(it, '.' | ':' | '-' | '+'));
            tokens.push((Token::Bare(text(start, place)), start));
        } else {
            let pair: String = letters[place..].iter().take(2).collect();
            let length = if ["!=", "<>", "<=", ">="].contains(&pair.as_str()) { 2 } else { 1 };
            tokens.push((Token::Sign(text(start, start + length)), start));
            place += length;
        }
    }
    Ok(tokens)
}

/// The text between quotes, and the place behind them.
fn quoted(letters: &[char], start: usize) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut place = start + 1;
    loop {
        match *letters.get(place)? {
            '\'' => return Some((text, place + 1)),
            '\\' => {
                place += 1;
                let letter = *letters.get(place)?;
                // LIKE reads these itself.
                if matches!(letter, '%' | '_') {
                    text.push('\\');
                }
                text.push(match letter {
                    'n' | 'N' => '\n',
                    'r' | 'R' => '\r',
                    't' | 'T' => '\t',
                    other => other,
                });
            }
            other => text.push(other),
        }
        place += 1;
    }
}
