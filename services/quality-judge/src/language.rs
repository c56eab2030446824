//! The languages whose code can be parsed, and the names people have for them.

/// A language with a grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    /// Python 3.
    Python,
    /// Rust.
    Rust,
    /// JavaScript, JSX among it.
    JavaScript,
    /// TypeScript.
    TypeScript,
    /// TypeScript with JSX.
    Tsx,
    /// Go.
    Go,
    /// Java.
    Java,
    /// C.
    C,
    /// C++.
    Cpp,
    /// Bash and other shells near it.
    Bash,
    /// JSON.
    Json,
    /// SQL, whichever database it is for.
    Sql,
    /// YAML.
    Yaml,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 13] = [
        Self::Python,
        Self::Rust,
        Self::JavaScript,
        Self::TypeScript,
        Self::Tsx,
        Self::Go,
        Self::Java,
        Self::C,
        Self::Cpp,
        Self::Bash,
        Self::Json,
        Self::Sql,
        Self::Yaml,
    ];

    /// The language of a name, as fences and callers use it, in any case.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Some(match name.trim().to_ascii_lowercase().as_str() {
            "python" | "py" | "python3" | "py3" => Self::Python,
            "rust" | "rs" => Self::Rust,
            "javascript" | "js" | "jsx" | "mjs" | "cjs" | "node" | "nodejs" => Self::JavaScript,
            "typescript" | "ts" | "mts" => Self::TypeScript,
            "tsx" => Self::Tsx,
            "go" | "golang" => Self::Go,
            "java" => Self::Java,
            "c" | "h" => Self::C,
            "cpp" | "c++" | "cxx" | "cc" | "hpp" => Self::Cpp,
            "bash" | "sh" | "shell" | "zsh" => Self::Bash,
            "json" => Self::Json,
            "sql" | "mysql" | "postgresql" | "postgres" | "sqlite" => Self::Sql,
            "yaml" | "yml" => Self::Yaml,
            _ => return None,
        })
    }

    /// Its usual name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Rust => "rust",
            Self::JavaScript => "javascript",
            Self::TypeScript => "typescript",
            Self::Tsx => "tsx",
            Self::Go => "go",
            Self::Java => "java",
            Self::C => "c",
            Self::Cpp => "cpp",
            Self::Bash => "bash",
            Self::Json => "json",
            Self::Sql => "sql",
            Self::Yaml => "yaml",
        }
    }

    /// Whether code in `other` does where this language was asked for.
    #[must_use]
    pub fn accepts(self, other: Self) -> bool {
        self == other
            || matches!(
                (self, other),
                (Self::TypeScript, Self::Tsx | Self::JavaScript)
                    | (Self::Tsx, Self::TypeScript | Self::JavaScript)
                    | (Self::Cpp, Self::C)
            )
    }

    /// Whether it is what answers show beside the code itself: commands to run it, its data.
    #[must_use]
    pub const fn accompanies(self) -> bool {
        matches!(self, Self::Bash | Self::Json | Self::Yaml)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_is_found_by_its_own_name() {
        for language in Language::ALL {
            assert_eq!(Language::of_name(language.as_str()), Some(language));
        }
        assert_eq!(Language::of_name(" C++ "), Some(Language::Cpp));
        assert_eq!(Language::of_name("cobol"), None);
    }

    #[test]
    fn a_superset_accepts_its_subset_and_not_the_other_way_round() {
        assert!(Language::TypeScript.accepts(Language::JavaScript));
        assert!(!Language::JavaScript.accepts(Language::TypeScript));
        assert!(!Language::Python.accepts(Language::Rust));
    }
}
