#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the container image: an OCI archive of the portable programs, libc, the CA certificates and nothing else.

    image.py [TAR.GZ...]     of packaging/packages.sh, one an architecture; default: those in build/packages

Writes build/packages/postern-VERSION-oci.tar, the same bytes from the same input, and prints its path. Needs no root, no
container program and nothing but Python's standard library, dpkg-deb and the machine's own apt sources."""
import argparse
import gzip
import hashlib
import io
import json
import pathlib
import re
import struct
import subprocess
import sys
import tarfile

HERE = pathlib.Path(__file__).resolve().parent
OUT = HERE.parent.parent / "build/packages"
PLATFORMS = {"x86_64": "amd64", "aarch64": "arm64"}  # of a .tar.gz, of OCI and Debian
UID = 10053  # numbers: a cluster compares them, and the host has no such user
PROGRAMS = ["usr/bin/postern", "usr/sbin/postern-resolver"]  # what needs a host's root or its systemd stays out
LIBC = r"\./lib(64)?/([\w-]+/)?(ld-linux-[\w-]+|libc|libm|libdl|librt|libpthread|libresolv)\.so\.\d|\./usr/share/doc/libc6/copyright"
# May bind port 53 where the pod lets it (NET_BIND_SERVICE in its bounding set): permitted, not effective, so that it also starts
# where it may not (capabilities(7); struct vfs_cap_data, version 2).
CAPABLE = {"usr/sbin/postern-resolver": struct.pack("<IIIII", 0x02000000, 1 << 10, 0, 0, 0)}
WRITABLE = ["run/postern", "run/postern-resolver", "var/lib/postern", "var/lib/postern-plan"]
FILES = {
    "etc/passwd": f"root:x:0:0::/:/none\npostern:x:{UID}:{UID}::/var/lib/postern:/none\n",
    "etc/group": f"root:x:0:\npostern:x:{UID}:\n",
    "etc/nsswitch.conf": "hosts: files dns\n",
}


def fetched(architecture):
    """The Debian packages for it, checked."""
    sources = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian"],
                             check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    (OUT / "downloads").mkdir(parents=True, exist_ok=True)
    for line in (HERE / "sources").read_text().splitlines():
        if line.startswith("#") or line.split()[0] not in (architecture, "all"):
            continue
        _, path, checksum = line.split()
        file = OUT / "downloads" / pathlib.Path(path).name
        for source in sorted(set(sources)):
            if file.exists() and hashlib.sha256(file.read_bytes()).hexdigest() == checksum:
                break
            subprocess.run(["/usr/lib/apt/apt-helper", "download-file", f"{source.rstrip('/')}/{path}", file, f"SHA256:{checksum}"],
                           check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if not file.exists() or hashlib.sha256(file.read_bytes()).hexdigest() != checksum:
            sys.exit(f"{path} is in no archive of the machine's apt sources: take the version that is there ({HERE.name}/sources)")
        yield file


def content(archive, architecture):
    """{path: (bytes or a link's target, mode)} of the image."""
    files = {path: (text.encode(), 0o644) for path, text in FILES.items()}
    with tarfile.open(archive) as tar:
        top = tar.next().name.split("/")[0]
        for path in PROGRAMS:
            files[path] = (tar.extractfile(f"{top}/host/{path}").read(), 0o755)
        for path in ("usr/share/doc/postern/LICENSE", "usr/share/doc/postern/copyright"):
            files[path] = (tar.extractfile(f"{top}/host/{path}").read(), 0o644)
        files["etc/postern/postern.toml"] = (tar.extractfile(f"{top}/host/usr/share/postern/postern.toml").read(), 0o644)
    authorities = []
    for package in fetched(architecture):
        data = subprocess.run(["dpkg-deb", "--fsys-tarfile", package], check=True, stdout=subprocess.PIPE).stdout
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            for member in sorted(tar, key=lambda one: one.name):
                name = member.name.removeprefix("./")
                if member.name.endswith(".crt"):
                    authorities.append(tar.extractfile(member).read().strip() + b"\n")
                elif re.fullmatch(LIBC, member.name):
                    files[name] = (member.linkname, 0o777) if member.issym() else (tar.extractfile(member).read(), member.mode & 0o755)
    files["etc/ssl/certs/ca-certificates.crt"] = (b"".join(authorities), 0o644)
    return files


def layer(files):
    """An uncompressed tar of it; everything has the time 0."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        folders = {str(parent) for path in [*files, *(f"{one}/x" for one in WRITABLE)] for parent in pathlib.PurePath(path).parents} - {"."}
        for name in sorted({*folders, *files}):
            entry = tarfile.TarInfo(name)
            if name in files:
                data, entry.mode = files[name]
                if isinstance(data, str):
                    entry.type, entry.linkname = tarfile.SYMTYPE, data
                    tar.addfile(entry)
                else:
                    entry.size = len(data)
                    if name in CAPABLE:
                        entry.pax_headers = {"SCHILY.xattr.security.capability": CAPABLE[name].decode("ascii")}
                    tar.addfile(entry, io.BytesIO(data))
                continue
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            if name in WRITABLE:
                entry.mode, entry.uid, entry.gid = 0o750, UID, UID
            tar.addfile(entry)
    return out.getvalue()


class Layout:
    """An OCI image layout in the making."""

    def __init__(self):
        self.blobs = {}

    def add(self, kind, data, **more):
        """A descriptor of it."""
        digest = hashlib.sha256(data).hexdigest()
        self.blobs[digest] = data
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(data), **more}

    def add_json(self, kind, value, **more):
        return self.add(kind, encoded(value), **more)

    def write(self, path, index):
        with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
            files = {"index.json": encoded(index), "oci-layout": encoded({"imageLayoutVersion": "1.0.0"})}
            files |= {f"blobs/sha256/{digest}": data for digest, data in self.blobs.items()}
            for name in sorted(files):
                entry = tarfile.TarInfo(name)
                entry.size = len(files[name])
                tar.addfile(entry, io.BytesIO(files[name]))


def encoded(value):
    return json.dumps(value, indent=1, sort_keys=True).encode()


def image(layout, archive, architecture, version):
    """A descriptor of the image of one architecture."""
    plain = layer(content(archive, architecture))
    platform = {"architecture": PLATFORMS[architecture], "os": "linux"}
    config = {
        **platform,
        "config": {
            "User": f"{UID}:{UID}", "WorkingDir": "/", "Env": ["PATH=/usr/sbin:/usr/bin"],
            "Entrypoint": ["/usr/bin/postern"], "Cmd": ["run"],
            "ExposedPorts": {"53/udp": {}, "53/tcp": {}, "9853/tcp": {}},
            "Volumes": {"/var/lib/postern": {}, "/var/lib/postern-plan": {}},
            "Labels": {"org.opencontainers.image.title": "postern", "org.opencontainers.image.version": version,
                       "org.opencontainers.image.licenses": "Apache-2.0"},
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(plain).hexdigest()}"]},
        "history": [{"created_by": "packaging/container/image.py"}],
    }
    manifest = {
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": layout.add_json("config.v1+json", config),
        "layers": [layout.add("layer.v1.tar+gzip", gzip.compress(plain, 9, mtime=0))],
    }
    return layout.add_json("manifest.v1+json", manifest, platform=platform)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archives", nargs="*", type=pathlib.Path, metavar="TAR.GZ")
    archives = parser.parse_args().archives or sorted(OUT.glob("postern-*-linux-*.tar.gz"))
    found = [re.fullmatch(r"postern-(.+)-linux-(x86_64|aarch64)\.tar\.gz", path.name) for path in archives]
    if not found or None in found or len({one[1] for one in found}) != 1:
        sys.exit("the .tar.gz of one version: packaging/packages.sh [--arch aarch64]; of several, say which")
    version, layout = found[0][1], Layout()
    manifests = [image(layout, path, one[2], version) for path, one in zip(archives, found)]
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": manifests}
    # One entry, with a name: programs that load an archive ask which of several.
    top = layout.add_json("index.v1+json", index, annotations={"org.opencontainers.image.ref.name": version,
                                                               "io.containerd.image.name": f"postern:{version}"})
    out = OUT / f"postern-{version}-oci.tar"
    layout.write(out, {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [top]})
    print(out)


if __name__ == "__main__":
    main()
