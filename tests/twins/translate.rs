//! WGSL to Rust, token by token: the part of the language that math and activations are written in.
//!
//! Names, comments and formulas stay as they are. What differs is how types and literals are written, how structs are
//! made, and that the last statement of a function gives its result. What Rust cannot read after that its compiler says.

use std::collections::HashMap;

/// Fields of structs by their names.
pub(super) type Structs = HashMap<String, Vec<String>>;

/// Tokens: comments, white space, words, numbers and signs.
pub(super) fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let run = |of: fn(char) -> bool| rest.find(|c| !of(c)).unwrap_or(rest.len());
        let length = if rest.starts_with("//") {
            run(|c| c != '\n')
        } else if first.is_whitespace() {
            run(char::is_whitespace)
        } else if first.is_ascii_digit() {
            number(rest)
        } else if is_word(first) {
            run(is_word)
        } else if ["->", "==", ">=", "<=", "!=", "&&", "||", "<<", ">>"]
            .iter()
            .any(|sign| rest.starts_with(sign))
        {
            2
        } else {
            first.len_utf8()
        };
        let (token, after) = rest.split_at(length);
        tokens.push(token);
        rest = after;
    }
    tokens
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Length of the number that `text` begins with, its sign of the exponent and its suffix included.
fn number(text: &str) -> usize {
    let bytes = text.as_bytes();
    let hexadecimal = text.starts_with("0x");
    let mut end = 1;
    while let Some(&byte) = bytes.get(end) {
        let exponent = !hexadecimal && bytes[end - 1].eq_ignore_ascii_case(&b'e');
        if !(is_word(byte.into()) || byte == b'.' || exponent && b"+-".contains(&byte)) {
            break;
        }
        end += 1;
    }
    end
}

/// `wgsl` in Rust; the structs that it declares are added to `structs`.
pub(super) fn translated(wgsl: &str, structs: &mut Structs) -> String {
    let tokens = tokens(wgsl);
    let mut translator = Translator {
        tokens: &tokens,
        at: 0,
        depth: 0,
        structs,
        rust: String::new(),
    };
    while translator.at < tokens.len() {
        translator.step();
    }
    translator.rust
}

struct Translator<'a> {
    tokens: &'a [&'a str],
    at: usize,
    /// Of braces.
    depth: usize,
    structs: &'a mut Structs,
    rust: String,
}

fn is_blank(token: &str) -> bool {
    token.starts_with("//") || token.starts_with(char::is_whitespace)
}

impl<'a> Translator<'a> {
    /// The `n`th token from here on that is no space and no comment.
    fn ahead(&self, n: usize) -> &'a str {
        let rest = self.tokens[self.at..].iter();
        rest.filter(|token| !is_blank(token))
            .nth(n)
            .copied()
            .unwrap_or("")
    }

    fn take(&mut self) -> &'a str {
        self.at += 1;
        self.tokens[self.at - 1]
    }

    /// Skips up to `token`, and it.
    fn skip_past(&mut self, token: &str) {
        while self.take() != token {}
    }

    /// One token, and what belongs to it.
    fn step(&mut self) {
        let outside = self.depth == 0;
        let token = self.ahead(0);
        if is_blank(self.tokens[self.at]) {
            let blank = self.take();
            self.rust.push_str(blank);
            return;
        }
        let call = self.ahead(1) == "(";
        match token {
            "fn" if outside => self.put("#[inline(always)]\npub(crate) fn"),
            "struct" => self.declare(),
            "const" => self.constant(outside),
            "alias" => self.put("pub(crate) type"),
            "var" => self.put("let mut"),
            "return" if self.gives() => {
                self.at += 1;
                let end = self.end_of_statement();
                while self.at < end {
                    self.step();
                }
                self.at += 1;
            }
            "bitcast" => {
                let to = match self.ahead(2) {
                    "Bits" | "u32" => "bits(",
                    "Real" | "f32" => "of_bits(",
                    other => panic!("bitcast to {other} is not translated"),
                };
                self.skip_past("(");
                self.rust.push_str(to);
            }
            "Real" | "f32" if call => self.converted(),
            "Bits" | "u32" if call => {
                self.skip_past("(");
                let number = self.ahead(0);
                assert!(
                    number.starts_with(|c: char| c.is_ascii_digit()) && self.ahead(1) == ")",
                    "Bits({number}.. is not a literal"
                );
                self.step();
                self.skip_past(")");
            }
            "f32" => self.put("Real"),
            "u32" => self.put("Bits"),
            "bool" => self.put("Bool"),
            "Bool" if call => {
                self.skip_past("(");
                assert!(
                    ["true", "false"].contains(&self.ahead(0)),
                    "Bool(..) of no literal"
                );
                self.step();
                self.skip_past(")");
            }
            "i32" | "vec2" | "vec3" | "vec4" | "array" | "loop" | "switch" | "discard" => {
                panic!("`{token}` is not translated")
            }
            "{" => {
                self.depth += 1;
                self.put("{");
            }
            "}" => {
                self.depth -= 1;
                self.put("}");
            }
            name if call && self.structs.contains_key(name) => self.construct(),
            number if number.starts_with(|c: char| c.is_ascii_digit()) => {
                let rust = match number.strip_suffix('u') {
                    Some(whole) => format!("Bits({whole})"),
                    None => number.trim_end_matches('f').to_owned(),
                };
                self.put(&rust);
            }
            other => self.put(other),
        }
    }

    /// Puts `rust` in the place of the next token.
    fn put(&mut self, rust: &str) {
        self.at += 1;
        self.rust.push_str(rust);
    }

    /// The place of the semicolon that ends the statement here.
    fn end_of_statement(&self) -> usize {
        let rest = self.tokens[self.at..].iter();
        self.at + rest.take_while(|token| **token != ";").count()
    }

    /// The place of the comma or parenthesis that ends the argument here.
    fn end_of_argument(&self) -> usize {
        let mut depth = 0;
        let mut ends = |token: &&str| {
            let ends = depth == 0 && matches!(*token, "," | ")");
            match *token {
                "(" => depth += 1,
                ")" => depth -= 1,
                _ => {}
            }
            ends
        };
        let rest = self.tokens[self.at..].iter();
        self.at
            + rest
                .copied()
                .position(|token| ends(&token))
                .expect("an end")
    }

    /// Whether the statement here is the last of a function.
    fn gives(&self) -> bool {
        let after = &self.tokens[self.end_of_statement() + 1..];
        self.depth == 1 && after.iter().find(|token| !is_blank(token)) == Some(&"}")
    }

    /// A type in front of the value where there is none.
    fn constant(&mut self, outside: bool) {
        let typed = self.ahead(2) == ":";
        let is_bits = self.ahead(3).ends_with('u');
        self.put(if outside { "pub(crate) const" } else { "const" });
        if !typed {
            self.step(); // the space
            self.step(); // the name
            self.rust
                .push_str(if is_bits { ": Bits" } else { ": Real" });
        }
    }

    fn declare(&mut self) {
        let name = self.ahead(1).to_owned();
        self.skip_past("{");
        let mut fields = Vec::new();
        self.rust.push_str(&format!(
            "#[derive(Clone, Copy)]\npub(crate) struct {name} {{"
        ));
        while self.ahead(0) != "}" {
            if self.ahead(1) == ":" && !is_blank(self.tokens[self.at]) {
                fields.push(self.ahead(0).to_owned());
                self.rust.push_str("pub(crate) ");
            }
            self.step();
        }
        self.skip_past("}");
        self.rust.push('}');
        self.structs.insert(name, fields);
    }

    /// `Name(a, b)` as `Name { first: a, second: b }`.
    fn construct(&mut self) {
        let name = self.ahead(0);
        let fields = self.structs[name].clone();
        self.skip_past("(");
        self.rust.push_str(&format!("{name} {{ "));
        for (index, field) in fields.iter().enumerate() {
            let last = index + 1 == fields.len();
            while is_blank(self.tokens[self.at]) {
                self.at += 1;
            }
            let start = self.rust.len();
            let end = self.end_of_argument();
            while self.at < end {
                self.step();
            }
            let comma = self.take() == ",";
            if last && comma {
                self.skip_past(")");
            }
            let value = self.rust.split_off(start);
            let value = value.trim_end();
            if value == field {
                self.rust.push_str(value);
            } else {
                self.rust.push_str(&format!("{field}: {value}"));
            }
            self.rust.push_str(if last { " }" } else { ", " });
        }
    }

    /// A number as it is, anything else by a conversion.
    fn converted(&mut self) {
        self.skip_past("(");
        let negative = usize::from(self.ahead(0) == "-");
        let token = self.ahead(negative);
        let is_constant = !token.contains(|c: char| c.is_ascii_lowercase());
        let is_number = token.starts_with(|c: char| c.is_ascii_digit());
        if (is_number || is_constant) && self.ahead(negative + 1) == ")" {
            for _ in 0..=negative {
                self.step();
            }
            self.skip_past(")");
        } else {
            self.rust.push_str("real(");
        }
    }
}
