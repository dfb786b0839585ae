"""Cassandra itself: the jars of one release, fetched by Maven into the cache and shared by all checkouts."""

from pathlib import Path
from xml.etree import ElementTree

from bootstrap import cache, packages
from bootstrap.commands import announce, run

CASSANDRA_VERSION = "5.0.5"

_COPY_DEPENDENCIES = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
_POM_NAMESPACE = "http://maven.apache.org/POM/4.0.0"


def cassandra_jars(version: str = CASSANDRA_VERSION) -> list[Path]:
    """The jars that make the class path of a node, in a stable order; fetched on the first call (66 MB).

    Raises `bootstrap.commands.BootstrapError` when Maven is missing or fails.
    """

    def fetch(place: Path) -> None:
        announce(f"Fetching Cassandra {version} by Maven (first run only) ...")
        project = place / "pom.xml"
        project.write_bytes(_pom(version))
        copy = ["-DoutputDirectory=" + str(place), "-DincludeScope=runtime"]
        run(
            [packages.maven(), "-q", "-B", "-f", project, _COPY_DEPENDENCIES, *copy],
            purpose=f"fetch Cassandra {version}",
        )

    return sorted(cache.made_once(f"cassandra-{version}", fetch).glob("*.jar"))


def _pom(version: str) -> bytes:
    project = ElementTree.Element("project", xmlns=_POM_NAMESPACE)
    for tag, text in (
        ("modelVersion", "4.0.0"),
        ("groupId", "cqlproxy"),
        ("artifactId", "cassandra-node"),
        ("version", "1"),
    ):
        ElementTree.SubElement(project, tag).text = text
    dependency = ElementTree.SubElement(ElementTree.SubElement(project, "dependencies"), "dependency")
    for tag, text in (
        ("groupId", "org.apache.cassandra"),
        ("artifactId", "cassandra-all"),
        ("version", version),
    ):
        ElementTree.SubElement(dependency, tag).text = text
    return ElementTree.tostring(project)
