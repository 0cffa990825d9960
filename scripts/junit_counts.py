#!/usr/bin/env python3
"""Prints "PASSED FAILED SKIPPED" of a JUnit XML file (as ctest and pytest write it).

usage: junit_counts.py FILE
"""

import sys
import xml.etree.ElementTree as ElementTree


def main() -> None:
    passed = failed = skipped = 0
    for case in ElementTree.parse(sys.argv[1]).getroot().iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
            skipped += 1
        else:
            passed += 1
    print(passed, failed, skipped)


if __name__ == "__main__":
    main()
