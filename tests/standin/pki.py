#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A test certificate authority and server certificates, good and bad, made with the openssl command.

    pki.py FOLDER NAME [NAME...]          NAME is a DNS name or an IP address

FOLDER then holds ca.pem (give it to clients as the trusted CA) and NAME.pem + NAME.key for each of VARIANTS.
"""

import argparse
import datetime
import ipaddress
import os
import subprocess
import sys
import tempfile

WRONG_NAME = "wrong-name.example"

# name of the file -> (DNS names or None for the given ones, days from now: start and end, who signs)
VARIANTS = {
    "good": (None, -1, 365, "ca"),
    "wrong_name": ([WRONG_NAME], -1, 365, "ca"),
    "expired": (None, -30, -1, "ca"),
    "not_yet_valid": (None, 1, 365, "ca"),
    "expiring_soon": (None, -1, 3, "ca"),
    "untrusted": (None, -1, 365, "other_ca"),
    "self_signed": (None, -1, 365, None),
}

CA_CONFIG = """
[ca]
default_ca = own
[own]
database = {folder}/index.txt
serial = {folder}/serial
new_certs_dir = {folder}
certificate = {ca}.pem
private_key = {ca}.key
default_md = sha256
policy = anything
unique_subject = no
[anything]
commonName = supplied
"""


def _openssl(*arguments):
    done = subprocess.run(["openssl", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {arguments[0]} failed: {done.stderr.strip()}")


def _make_key(path):
    _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)
    os.chmod(path, 0o600)


def _make_ca(folder, name):
    _make_key(f"{folder}/{name}.key")
    _openssl("req", "-x509", "-new", "-key", f"{folder}/{name}.key", "-out", f"{folder}/{name}.pem", "-days", "3650",
             "-subj", f"/CN=postern test {name}", "-addext", "basicConstraints=critical,CA:TRUE",
             "-addext", "keyUsage=critical,keyCertSign,cRLSign")


def _alternative_names(names):
    return ",".join(("IP:" if _is_address(name) else "DNS:") + name for name in names)


def _is_address(name):
    try:
        ipaddress.ip_address(name)
        return True
    except ValueError:
        return False


def _when(days):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
    return moment.strftime("%Y%m%d%H%M%SZ")


def _make_leaf(folder, file_name, names, start_days, end_days, signer):
    key, pem = f"{folder}/{file_name}.key", f"{folder}/{file_name}.pem"
    _make_key(key)
    subject = f"/CN={names[0][:60]}"  # X.520 allows 64 characters; clients look at subjectAltName only
    extensions = f"subjectAltName={_alternative_names(names)}"
    if signer is None:
        _openssl("req", "-x509", "-new", "-key", key, "-out", pem, "-days", str(end_days), "-subj", subject,
                 "-addext", extensions)
        return
    with tempfile.TemporaryDirectory(prefix="pki-") as work:
        # `openssl ca`, not `openssl x509 -req`: in OpenSSL 3.0 only it can put any start and end date.
        for name, text in {"index.txt": "", "serial": os.urandom(8).hex(), "ext.cnf": f"{extensions}\n"
                           "basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n",
                           "ca.cnf": CA_CONFIG.format(folder=work, ca=f"{folder}/{signer}")}.items():
            with open(f"{work}/{name}", "w", encoding="ascii") as file:
                file.write(text)
        _openssl("req", "-new", "-key", key, "-out", f"{work}/leaf.csr", "-subj", subject)
        _openssl("ca", "-batch", "-notext", "-config", f"{work}/ca.cnf", "-extfile", f"{work}/ext.cnf",
                 "-in", f"{work}/leaf.csr", "-out", pem, "-startdate", _when(start_days), "-enddate", _when(end_days))


def make(folder, names):
    """Fills `folder`. `names` are the DNS names and IP addresses of the good certificate."""
    os.makedirs(folder, exist_ok=True)
    folder = os.path.abspath(folder)
    for authority in ("ca", "other_ca"):
        _make_ca(folder, authority)
    for file_name, (own_names, start, end, signer) in VARIANTS.items():
        _make_leaf(folder, file_name, own_names or list(names), start, end, signer)


def make_leaf(folder, file_name, names):
    """One more good certificate of the same CA."""
    _make_leaf(os.path.abspath(folder), file_name, list(names), -1, 30, "ca")


def main():
    parser = argparse.ArgumentParser(description="make a test CA and server certificates, good and bad")
    parser.add_argument("folder")
    parser.add_argument("names", nargs="+", metavar="NAME")
    options = parser.parse_args()
    make(options.folder, options.names)
    return 0


if __name__ == "__main__":
    sys.exit(main())
