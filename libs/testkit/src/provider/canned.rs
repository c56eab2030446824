//! A script for demos: plausible answers to the common kinds of prompt, each named as scripted.
//!
//! The code is valid and the plan is numbered, so that a judge has something to pass.

use super::script::{Reply, Rule, Script};

/// Begins every canned answer.
pub const LABEL: &str = "[scripted provider]";

const CODE: &str = r#"Here is a function that does it:

```python
import asyncio
from typing import Awaitable, Callable, TypeVar

T = TypeVar("T")


async def with_retry(call: Callable[[], Awaitable[T]], attempts: int = 3, base: float = 0.1) -> T:
    """Calls until it works, waiting twice as long after each failure."""
    for attempt in range(attempts):
        try:
            return await call()
        except Exception:
            if attempt == attempts - 1:
                raise
            await asyncio.sleep(base * 2**attempt)
    raise ValueError("attempts must be at least 1")
```

It gives up with the last error, so nothing is hidden from the caller.
"#;

const PLAN: &str = "\
1. Read the request and list what has to exist at the end.
2. Split the work into parts that do not wait for each other.
3. Start one worker for each part and give it only what it needs.
4. Collect the results, check each against its part of the list, and send back what falls short.
5. Merge what passed, run the whole once, and report what was done and what was left.
";

const TOPIC: &str = "async-caching-memory";

const PARAGRAPH: &str = "\
In short: keep the parts small, let each do one thing, and measure before changing anything. \
The cheapest step that answers the question is the right first step, and a more expensive one is \
worth its price only where the first has been seen to fall short.";

/// The demo's script for these models.
#[must_use]
pub fn demo(models: Vec<String>, label: &str) -> Script {
    let rule = |words: &[&str], text: &str| Rule {
        model: None,
        contains: words.iter().map(|word| (*word).to_owned()).collect(),
        replies: vec![Reply::text(text)],
    };
    Script {
        models,
        rules: vec![
            rule(&["classify", "kebab", "topic"], TOPIC),
            rule(
                &[
                    "orchestrate",
                    "plan ",
                    "coordinate",
                    "step by step",
                    "steps",
                ],
                PLAN,
            ),
            rule(&["function", "python", "code", "implement", "script"], CODE),
        ],
        fallback: Reply::text(PARAGRAPH),
        label: Some(label.to_owned()),
        ..Script::default()
    }
}
