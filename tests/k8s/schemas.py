#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes schemas.json: JSON schemas of the kinds that packaging/k8s has, from the API's own descriptions.

    schemas.py SWAGGER_JSON CRD_FILE...

SWAGGER_JSON: api/openapi-spec/swagger.json of the Go module k8s.io/kubernetes; CRD_FILE: of the module
github.com/prometheus-operator/prometheus-operator, example/prometheus-operator-crd. Both are under the Apache License 2.0.
Descriptions are left out, and what the API does not know is refused, as `kubectl apply --validate=strict` does."""
import json
import pathlib
import sys

import yaml

KINDS = {  # apiVersion/kind of a definition
    "v1/ConfigMap": "io.k8s.api.core.v1.ConfigMap",
    "v1/Namespace": "io.k8s.api.core.v1.Namespace",
    "v1/Service": "io.k8s.api.core.v1.Service",
    "v1/ServiceAccount": "io.k8s.api.core.v1.ServiceAccount",
    "apps/v1/DaemonSet": "io.k8s.api.apps.v1.DaemonSet",
    "apps/v1/Deployment": "io.k8s.api.apps.v1.Deployment",
    "networking.k8s.io/v1/NetworkPolicy": "io.k8s.api.networking.v1.NetworkPolicy",
    "policy/v1/PodDisruptionBudget": "io.k8s.api.policy.v1.PodDisruptionBudget",
    "rbac.authorization.k8s.io/v1/ClusterRole": "io.k8s.api.rbac.v1.ClusterRole",
    "rbac.authorization.k8s.io/v1/ClusterRoleBinding": "io.k8s.api.rbac.v1.ClusterRoleBinding",
    "rbac.authorization.k8s.io/v1/Role": "io.k8s.api.rbac.v1.Role",
    "rbac.authorization.k8s.io/v1/RoleBinding": "io.k8s.api.rbac.v1.RoleBinding",
}
KEPT = ("type", "format", "pattern", "enum", "required", "minimum", "maximum", "minLength", "maxLength", "minItems")


def strict(schema):
    """A JSON schema of an OpenAPI one."""
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}
    if schema.get("format") == "int-or-string" or schema.get("x-kubernetes-int-or-string"):
        return {"type": ["string", "integer"]}
    out = {key: schema[key] for key in KEPT if key in schema and key != "format"}
    if "items" in schema:
        out["items"] = strict(schema["items"])
    if "properties" in schema:
        out["properties"] = {name: strict(one) for name, one in schema["properties"].items()}
        out["additionalProperties"] = bool(schema.get("x-kubernetes-preserve-unknown-fields"))
    elif isinstance(schema.get("additionalProperties"), dict):
        out["additionalProperties"] = strict(schema["additionalProperties"])
    return out


def reached(definitions, names):
    """Those and all that they refer to."""
    out, waiting = {}, list(names)
    while waiting:
        name = waiting.pop()
        if name in out:
            continue
        out[name] = strict(definitions[name])
        text = json.dumps(out[name])
        waiting += [part.split('"')[0] for part in text.split('"#/definitions/')[1:]]
    return out


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        definitions = reached(json.load(file)["definitions"], KINDS.values())
    definitions["io.k8s.apimachinery.pkg.api.resource.Quantity"] = {"type": ["string", "number"]}
    definitions["io.k8s.apimachinery.pkg.util.intstr.IntOrString"] = {"type": ["string", "integer"]}
    kinds = dict(KINDS)
    for path in sys.argv[2:]:
        with open(path, encoding="utf-8") as file:
            crd = yaml.safe_load(file)
        group, kind = crd["spec"]["group"], crd["spec"]["names"]["kind"]
        for version in crd["spec"]["versions"]:
            schema = strict(version["schema"]["openAPIV3Schema"])
            schema["properties"]["metadata"] = {"$ref": "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}
            kinds[f"{group}/{version['name']}/{kind}"] = f"{group}.{version['name']}.{kind}"
            definitions[f"{group}.{version['name']}.{kind}"] = schema
    out = {"$comment": "Made by schemas.py; from Kubernetes and the Prometheus operator, Apache-2.0", "kinds": kinds, "definitions": definitions}
    text = json.dumps(out, indent=None, separators=(",", ":"), sort_keys=True)
    pathlib.Path(__file__).with_name("schemas.json").write_text(text.replace('"io.k8s', '\n"io.k8s').replace('},"monitoring', '},\n"monitoring') + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
