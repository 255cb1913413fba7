import re
from pathlib import Path

import pytest

from guesthouse.errors import Kind
from guesthouse.estate.load import load, read_directory
from guesthouse.estate.model import (
    ContainerInstance,
    EstateInvalid,
    GitSource,
    LocalInstance,
    Phase,
    SshInstance,
)
from tests.unit.estate.cast import DOCUMENTS, GIT, documents

ACME = "name: acme\npartner: acme\nproduct: beacon\ninstance: local\nphase: development\n"
SSH = (
    "name: vm1\nprovider: ssh\naddress: 203.0.113.7\nhost_key: ssh-ed25519 AAAAC3Nz\n"
    "key_file: /keys/vm1\n"
)


def problems(files: dict[str, str]) -> list[str]:
    with pytest.raises(EstateInvalid) as caught:
        load(files)
    return [str(problem) for problem in caught.value.problems]


def test_an_estate_becomes_values() -> None:
    estate = load(DOCUMENTS)
    assert (estate.name, estate.domain, estate.apps_domain) == (
        "demo",
        "localhost",
        "apps.localhost",
    )
    acme = estate.environments["acme"]
    assert acme.source == GitSource(GIT, "main", "product")
    assert acme.phase is Phase.DEVELOPMENT
    assert acme.variables == {"BEACON_TITLE": "Acme's Beacon"}
    assert estate.partners["acme"].title == "Acme Ltd"


def test_an_environments_own_ref_goes_before_the_products() -> None:
    estate = load(documents(environments__acme=f"{ACME}ref: v2\n"))
    assert estate.environments["acme"].source == GitSource(GIT, "v2", "product")


def test_each_provider_has_its_own_fields() -> None:
    box = "name: box\nprovider: container\ngateway_port: 8444\n"
    estate = load(documents(instances__box=box, instances__vm1=SSH))
    assert estate.instances == {
        "box": ContainerInstance("box", 8444),
        "local": LocalInstance("local"),
        "vm1": SshInstance(
            "vm1", "203.0.113.7", "root", "ssh-ed25519 AAAAC3Nz", "/keys/vm1", port=22
        ),
    }


def test_objects_come_in_name_order_whatever_the_files_order() -> None:
    more = documents(
        partners__zeta="{name: zeta, title: Z}", partners__beta="{name: beta, title: B}"
    )
    estate = load(dict(reversed(more.items())))
    assert list(estate.partners) == ["acme", "beta", "zeta"]


@pytest.mark.parametrize(
    ("file", "text", "problem"),
    [
        pytest.param(
            "environments/acme",
            f"{ACME}reff: main\n",
            "environments/acme.yaml: reff: is unknown (did you mean ref?)",
            id="unknown-key",
        ),
        pytest.param(
            "environments/acme",
            ACME.replace("partner", "partnr"),
            "environments/acme.yaml: partnr: is unknown (did you mean partner?)",
            id="misspelt-key-is-one-problem",
        ),
        pytest.param(
            "environments/acme",
            f"{ACME}colour: red\n",
            "environments/acme.yaml: colour: is unknown",
            id="unknown-key-near-none",
        ),
        pytest.param(
            "environments/acme",
            f"{ACME}ref: 12\n",
            'environments/acme.yaml: ref: should be a string (write it in quotes: "12")',
            id="number-for-string",
        ),
        pytest.param(
            "environments/acme",
            f"{ACME}variables: {{PORT: 80}}\n",
            "environments/acme.yaml: variables/PORT: should be a string "
            '(write it in quotes: "80")',
            id="nested-number",
        ),
        pytest.param(
            "environments/acme",
            f"{ACME}variables: {{NO: true}}\n",
            "environments/acme.yaml: variables/NO: should be a string "
            '(write it in quotes: "true")',
            id="boolean-for-string",
        ),
        pytest.param(
            "environments/acme",
            f"{ACME}variables: [A]\n",
            "environments/acme.yaml: variables: should be a mapping",
            id="list-for-mapping",
        ),
        pytest.param(
            "environments/acme",
            f"{ACME}variables: {{'A-B': x}}\n",
            "environments/acme.yaml: variables/A-B: "
            "should be a variable's name: letters, digits and _",
            id="variable-name",
        ),
        pytest.param(
            "environments/acme",
            ACME.replace("development", "developmnet"),
            "environments/acme.yaml: phase: should be development or integration "
            "(did you mean development?)",
            id="phase",
        ),
        pytest.param(
            "environments/acme",
            ACME.replace("phase: development\n", ""),
            "environments/acme.yaml: phase: is missing",
            id="missing-key",
        ),
        pytest.param(
            "environments/b--acme",
            ACME.replace("name: acme", "name: b--acme"),
            "environments/b--acme.yaml: name: should be a name: a-z, 0-9 and single hyphens, "
            "beginning with a letter",
            id="name-whose-host-could-be-anothers",
        ),
        pytest.param(
            "environments/acme",
            f"{ACME}ref: --upload-pack=x\n",
            "environments/acme.yaml: ref: should be a branch, tag or commit",
            id="ref-that-is-an-option",
        ),
        pytest.param(
            "environments/acme",
            "- acme\n",
            "environments/acme.yaml: should be a mapping",
            id="list-for-document",
        ),
        pytest.param("environments/acme", "", "environments/acme.yaml: is empty", id="empty"),
        pytest.param(
            "environments/acme",
            "name: [\n",
            "environments/acme.yaml: line 2: should be YAML: expected the node content, "
            "but found '<stream end>'",
            id="not-yaml",
        ),
        pytest.param(
            "environments/acme",
            f"{ACME}name: other\n",
            "environments/acme.yaml: line 6: has the key name twice",
            id="key-twice",
        ),
        pytest.param(
            "environments/acme",
            f"{ACME}variables: {{A: x, A: y}}\n",
            "environments/acme.yaml: line 6: has the key A twice",
            id="nested-key-twice",
        ),
        pytest.param(
            "environments/acme",
            f"{ACME}ref: !!python/object/apply:os.getcwd []\n",
            "environments/acme.yaml: line 6: has a tag of its own; plain values only",
            id="custom-tag",
        ),
        pytest.param(
            "environments/acme",
            f"{ACME}---\nname: b\n",
            "environments/acme.yaml: line 6: should be one document",
            id="two-documents",
        ),
        pytest.param(
            "environments/acme",
            ACME.replace("instance: local", "instance: locale"),
            "environments/acme.yaml: instance: there is no instance locale (did you mean local?)",
            id="reference-near",
        ),
        pytest.param(
            "environments/acme",
            ACME.replace("partner: acme", "partner: xylo"),
            "environments/acme.yaml: partner: there is no partner xylo "
            "(declare it in partners/xylo.yaml)",
            id="reference-far",
        ),
        pytest.param(
            "partners/acme",
            "{name: acne, title: Acme Ltd}",
            "partners/acme.yaml: name: is acne, unlike the file's name "
            "(call the file partners/acne.yaml or write: acme)",
            id="name-unlike-file",
        ),
        pytest.param(
            "partners/acme",
            "{name: acme, title: ''}",
            "partners/acme.yaml: title: should not be empty",
            id="empty-title",
        ),
        pytest.param(
            "products/beacon",
            f"{{name: beacon, source: {{git: '{GIT}', ref: main, pth: x}}}}",
            "products/beacon.yaml: source/pth: is unknown (did you mean path?)",
            id="nested-unknown-key",
        ),
        pytest.param(
            "products/beacon",
            "{name: beacon, source: {git: 'ext::sh -c id', ref: main}}",
            "products/beacon.yaml: source/git: should be https://host/path, "
            "ssh://git@host/path or file:///path, without a password",
            id="git-transport",
        ),
        pytest.param(
            "products/beacon",
            "{name: beacon, source: {git: 'git@git.test:beacon', ref: main}}",
            "products/beacon.yaml: source/git: should be https://host/path, "
            "ssh://git@host/path or file:///path, without a password",
            id="git-as-ssh-programs-write-it",
        ),
        pytest.param(
            "products/beacon",
            "{name: beacon, source: {git: 'ssh://-oProxyCommand=id/x', ref: main}}",
            "products/beacon.yaml: source/git: should be https://host/path, "
            "ssh://git@host/path or file:///path, without a password",
            id="git-option",
        ),
        pytest.param(
            "products/beacon",
            f"{{name: beacon, source: {{git: '{GIT}', ref: main, path: ../x}}}}",
            "products/beacon.yaml: source/path: should be a folder inside the repository, "
            "without a leading slash or ..",
            id="path-outside",
        ),
        pytest.param(
            "instances/local",
            "{name: local, provider: ec3}",
            "instances/local.yaml: provider: should be local or container or ssh",
            id="unknown-provider",
        ),
        pytest.param(
            "instances/local",
            "{name: local}",
            "instances/local.yaml: provider: is missing",
            id="no-provider",
        ),
        pytest.param(
            "instances/local",
            "{name: local, provider: container, gateway_prt: 8444}",
            "instances/local.yaml: gateway_prt: is unknown (did you mean gateway_port?)",
            id="misspelt-key-of-a-provider",
        ),
        pytest.param(
            "instances/local",
            "{name: local, provider: container, gateway_port: 84440}",
            "instances/local.yaml: gateway_port: should be at most 65535",
            id="port-too-big",
        ),
        pytest.param(
            "instances/local",
            "{name: local, provider: container, gateway_port: '8444'}",
            "instances/local.yaml: gateway_port: should be a whole number",
            id="string-for-number",
        ),
        pytest.param(
            "estate",
            "{name: Demo, domain: localhost, apps_domain: apps.localhost}",
            "estate.yaml: name: should be a name: a-z, 0-9 and single hyphens, "
            "beginning with a letter",
            id="bad-name",
        ),
        pytest.param(
            "estate",
            "{name: demo, domain: localhost, apps_domain: 'apps.localhost; x'}",
            "estate.yaml: apps_domain: should be a host name of a-z, 0-9, hyphens and dots",
            id="bad-host",
        ),
        pytest.param(
            "environments/b",
            ACME.replace("name: acme", f"name: {'b' * 32}"),
            "environments/b.yaml: name: should have at most 31 characters",
            id="long-name",
        ),
        pytest.param(
            "partners/1",
            "{1: 2, name: x, title: y}",
            "partners/1.yaml: 1: should be a word, not a number",
            id="number-for-key",
        ),
    ],
)
def test_a_mistake_is_one_problem_with_its_place(file: str, text: str, problem: str) -> None:
    assert problems({**DOCUMENTS, f"{file}.yaml": text}) == [problem]


def test_all_files_problems_come_at_once() -> None:
    files = documents(
        "partners/acme.yaml",
        environments__acme=f"{ACME}ref: 1\nreff: x\n",
        instances__local="{name: local, provider: locl}",
        environments__b=ACME.replace("acme", "b"),
    )
    assert problems(files) == [
        'environments/acme.yaml: ref: should be a string (write it in quotes: "1")',
        "environments/acme.yaml: reff: is unknown (did you mean ref?)",
        (
            "instances/local.yaml: provider: should be local or container or ssh "
            "(did you mean local?)"
        ),
        "environments/b.yaml: partner: there is no partner b (declare it in partners/b.yaml)",
    ]


def test_the_error_is_invalid_and_leads_with_the_first_problem() -> None:
    with pytest.raises(EstateInvalid) as caught:
        load(documents("estate.yaml", environments__acme="[]"))
    assert caught.value.kind is Kind.INVALID
    assert caught.value.sentence == "estate.yaml: is missing (and 1 more)"


def test_a_broken_file_causes_no_complaint_about_those_that_name_it() -> None:
    assert problems(documents(partners__acme="{name: acme}")) == [
        "partners/acme.yaml: title: is missing"
    ]


def test_two_instances_never_share_a_gateway_port() -> None:
    box = "{{name: {0}, provider: container, gateway_port: 8444}}"
    files = documents(instances__a=box.format("a"), instances__b=box.format("b"))
    assert problems(files) == [
        "instances/b.yaml: gateway_port: is 8444, which instance a has already (give each its own)"
    ]


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        pytest.param(
            "enviroments/b.yaml",
            "enviroments/b.yaml: is not where an estate's files are "
            "(did you mean environments/b.yaml?)",
            id="folder-misspelt",
        ),
        pytest.param(
            "environment/b.yaml",
            "environment/b.yaml: is not where an estate's files are "
            "(did you mean environments/b.yaml?)",
            id="folder-singular",
        ),
        pytest.param(
            "estate.yml",
            "estate.yml: is not where an estate's files are (did you mean estate.yaml?)",
            id="estate-yml",
        ),
        pytest.param(
            "partners/b.yml",
            "partners/b.yml: should end in .yaml (call it partners/b.yaml)",
            id="yml",
        ),
        pytest.param(
            "partners/north/b.yaml",
            "partners/north/b.yaml: should be in partners/ itself, not in a folder below",
            id="folder-below",
        ),
    ],
)
def test_a_misplaced_file_is_a_problem(path: str, problem: str) -> None:
    assert problems({**DOCUMENTS, path: "{name: b, title: B}"}) == [problem]


@pytest.mark.parametrize("path", ["README.md", "mkdocs.yml", "docs/site.yaml", "partners/NOTES"])
def test_other_files_are_left_alone(path: str) -> None:
    assert load({**DOCUMENTS, path: "- anything\n"}) == load(DOCUMENTS)


def test_aliases_that_unfold_to_too_much_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9)]
    assert problems(documents(environments__acme="\n".join(lines))) == [
        (
            "environments/acme.yaml: "
            "holds more values than an estate file may, once its aliases are unfolded"
        )
    ]


def test_an_alias_inside_itself_is_refused() -> None:
    assert problems(documents(environments__acme="a: &a [*a]\n")) == [
        "environments/acme.yaml: line 1: has an alias inside what it stands for"
    ]


def test_deep_nesting_is_refused() -> None:
    found = problems(documents(environments__acme=f"a: {'[' * 40}{']' * 40}\n"))
    assert found == ["environments/acme.yaml: line 1: is nested more than 32 deep"]


def test_nesting_beyond_what_the_parser_bears_is_refused() -> None:
    found = problems(documents(environments__acme=f"a: {'[' * 60_000}{']' * 60_000}\n"))
    assert found == ["environments/acme.yaml: line 1: is nested more than 32 deep"]


def test_a_long_file_is_refused() -> None:
    found = problems(documents(environments__acme="#" * 300_000))
    assert found == ["environments/acme.yaml: should be at most 256 KiB long"]


def test_a_directory_is_read_without_hidden_files(tmp_path: Path) -> None:
    for name, text in DOCUMENTS.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".ci" / "build.yaml").write_text("x: 1")
    (tmp_path / "README.md").write_text("# ours")
    assert read_directory(tmp_path) == DOCUMENTS


def test_an_empty_directory_is_no_estate(tmp_path: Path) -> None:
    with pytest.raises(EstateInvalid, match=r"has no estate\.yaml"):
        read_directory(tmp_path)


def test_a_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / "estate.yaml").write_bytes(b"name: caf\xe9")
    with pytest.raises(EstateInvalid, match=r"estate\.yaml: should be UTF-8 text"):
        read_directory(tmp_path)


def test_the_reference_pages_examples_load() -> None:
    page = (Path(__file__).parents[3] / "docs" / "reference" / "estate.md").read_text()
    blocks = re.findall(r"```yaml\n# (\S+\.yaml)\n(.*?)```", page, flags=re.DOTALL)
    instances = re.findall(r"^\{name: (\w+), provider.*?\}", page, flags=re.DOTALL | re.MULTILINE)
    texts = re.findall(r"^\{name: \w+, provider.*?\}", page, flags=re.DOTALL | re.MULTILINE)
    files = {f"instances/{name}.yaml": text for name, text in zip(instances, texts, strict=True)}
    estate = load(dict(blocks) | {name: text.replace("…", "x") for name, text in files.items()})
    assert list(estate.environments) == ["acme"]
    assert list(estate.instances) == ["box", "local", "vm1"]
