//! Answers to requests for code, with their labels.

use super::text::Case;
use super::text::Label::{Good, Hard, Poor, Silent};

/// Judged where code was asked for: language, then as above.
pub(super) const CODE: &[(&str, Case)] = &[
    (
        "python",
        (
            "syntax",
            Good,
            true,
            "```python\ndef add(a: int, b: int) -> int:\n    return a + b\n```",
        ),
    ),
    (
        "python",
        ("syntax", Good, true, "def add(a, b):\n    return a + b"),
    ),
    (
        "python",
        (
            "syntax",
            Good,
            true,
            "Sure! Here it is:\n\ndef add(a, b):\n    return a + b\n\nIt adds two numbers.",
        ),
    ),
    (
        "python",
        (
            "syntax",
            Poor,
            false,
            "```python\ndef add(a, b:\n    return a +\n```",
        ),
    ),
    (
        "python",
        (
            "syntax",
            Poor,
            false,
            "```python\ndef add(a, b)\n    return a + b\n```",
        ),
    ),
    (
        "python",
        (
            "syntax",
            Poor,
            false,
            "To add two numbers you take the first one and then add the second one to it.",
        ),
    ),
    (
        "python",
        (
            "syntax",
            Poor,
            false,
            "```rust\nfn add(a: i32, b: i32) -> i32 { a + b }\n```",
        ),
    ),
    (
        "python",
        (
            "syntax",
            Good,
            true,
            "```bash\npip install x\n```\n```python\nimport x\nx.run()\n```",
        ),
    ),
    (
        "rust",
        (
            "syntax",
            Good,
            true,
            "```rust\npub fn add(a: i32, b: i32) -> i32 {\n    a + b\n}\n```",
        ),
    ),
    (
        "rust",
        (
            "syntax",
            Poor,
            false,
            "```rust\npub fn add(a: i32, b: i32 -> i32 {\n    a + b\n```",
        ),
    ),
    (
        "javascript",
        (
            "syntax",
            Good,
            true,
            "```js\nconst add = (a, b) => a + b;\nconsole.log(add(1, 2));\n```",
        ),
    ),
    (
        "javascript",
        (
            "syntax",
            Poor,
            false,
            "```js\nconst add = (a, b => { return a + ;\n```",
        ),
    ),
    (
        "typescript",
        (
            "syntax",
            Good,
            true,
            "```ts\nexport function add(a: number, b: number): number {\n  return a + b;\n}\n```",
        ),
    ),
    (
        "typescript",
        (
            "syntax",
            Good,
            true,
            "```tsx\nexport const A = ({ n }: { n: number }) => <p>{n}</p>;\n```",
        ),
    ),
    (
        "typescript",
        (
            "syntax",
            Poor,
            false,
            "```typescript\nfunction add(a: number, b: number: number {\n  return a + b;\n```",
        ),
    ),
    (
        "go",
        (
            "syntax",
            Good,
            true,
            "```go\nfunc Add(a, b int) int {\n\treturn a + b\n}\n```",
        ),
    ),
    (
        "go",
        (
            "syntax",
            Poor,
            false,
            "```go\nfunc Add(a, b int) int\n\treturn a + b\n}\n```",
        ),
    ),
    (
        "java",
        (
            "syntax",
            Good,
            true,
            "```java\npublic class A {\n  int add(int a, int b) { return a + b; }\n}\n```",
        ),
    ),
    (
        "java",
        (
            "syntax",
            Poor,
            false,
            "```java\npublic class A {\n  int add(int a, int b { return a + b }\n}\n```",
        ),
    ),
    (
        "c",
        (
            "syntax",
            Good,
            true,
            "```c\n#include <stdio.h>\nint main(void) { printf(\"hi\\n\"); return 0; }\n```",
        ),
    ),
    (
        "c",
        (
            "syntax",
            Poor,
            false,
            "```c\nint main(void) { printf(\"hi\\n\") return 0;\n```",
        ),
    ),
    (
        "c++",
        (
            "syntax",
            Good,
            true,
            "```cpp\n#include <vector>\nint f(const std::vector<int>& v) { return v.size(); }\n```",
        ),
    ),
    (
        "bash",
        (
            "syntax",
            Good,
            true,
            "```bash\nfor f in *.log; do\n  rm -- \"$f\"\ndone\n```",
        ),
    ),
    (
        "bash",
        (
            "syntax",
            Poor,
            false,
            "```bash\nfor f in *.log; do\n  if rm -- \"$f\"\ndone\n```",
        ),
    ),
    (
        "cobol",
        ("syntax", Silent, true, "```cobol\nDISPLAY 'HELLO'.\n```"),
    ),
    (
        "",
        (
            "syntax",
            Good,
            true,
            "```go\npackage main\n\nfunc main() {}\n```",
        ),
    ),
    (
        "",
        (
            "syntax",
            Poor,
            false,
            "I would start with a loop over all of the files.",
        ),
    ),
    (
        "python",
        (
            "refusal",
            Hard,
            false,
            "I'm sorry, but I can't write that code.",
        ),
    ),
];
