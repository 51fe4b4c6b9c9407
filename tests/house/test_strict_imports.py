from __future__ import annotations

import subprocess
import sys


def test_the_wizard_names_the_strict_layer_without_loading_its_libraries() -> None:
    program = (
        "import sys, workflows.sandbox.layout, workflows.sandbox.console; "
        "print(sorted({'boto3', 'botocore', 'flask', 'moto', 'werkzeug'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"
