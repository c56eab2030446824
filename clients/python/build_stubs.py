"""Makes the messages and stubs from the .proto files, as a build hook of hatchling.

They go to src/terrace_llm/pb, with their imports led there, so that the package takes no other name
of a program's than its own. The protos are those of the repository, or those that the source
distribution brings along.
"""

import re
import shutil
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

#: `from terrace.` and `import terrace.` at the beginning of a line, as protoc writes them.
IMPORT = re.compile(r"^(from|import) terrace\.", re.MULTILINE)


class StubsHook(BuildHookInterface):
    """Runs before the files of a wheel, or of an editable install, are gathered."""

    PLUGIN_NAME = "custom"

    def initialize(self, version, build_data):
        if self.target_name == "wheel":
            generate(Path(self.root))


def protos_of(root):
    """The folder that imports in the protos are relative to."""
    for folder in (root / "proto", root / ".." / ".." / "proto"):
        if (folder / "terrace").is_dir():
            return folder.resolve()
    raise FileNotFoundError(f"there are no .proto files beside {root} nor in it")


def generate(root):
    """Writes src/terrace_llm/pb anew."""
    import grpc_tools
    from grpc_tools import protoc

    well_known = Path(grpc_tools.__file__).parent / "_proto"
    protos, out = protos_of(root), root / "src" / "terrace_llm" / "pb"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    names = sorted(str(path.relative_to(protos)) for path in protos.rglob("*.proto"))
    flags = [f"--{kind}_out={out}" for kind in ("python", "pyi", "grpc_python")]
    if protoc.main(["protoc", f"-I{protos}", f"-I{well_known}", *flags, *names]) != 0:
        raise RuntimeError("the .proto files could not be compiled: see above")
    for path in [*out.rglob("*.py"), *out.rglob("*.pyi")]:
        text = path.read_text(encoding="utf-8")
        path.write_text(IMPORT.sub(r"\1 terrace_llm.pb.terrace.", text), encoding="utf-8")
    for folder in [out, *(path for path in out.rglob("*") if path.is_dir())]:
        (folder / "__init__.py").write_text('"""Made from the .proto files."""\n', encoding="utf-8")
