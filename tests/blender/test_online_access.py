"""Which hosts Blender may speak with."""

import bpy
import pytest

from background_nodes.runtime.blender import online_access
from background_nodes.runtime.errors import EngineError

pytestmark = pytest.mark.oldest_and_newest


@pytest.fixture(params=[False, True])
def is_online(request):
    system = bpy.context.preferences.system
    before = system.use_online_access
    system.use_online_access = request.param
    yield bpy.app.online_access
    system.use_online_access = before


@pytest.mark.parametrize("host", ["farm", "192.168.1.10", "", "127.0.0.1.example.com", "localhost.example.com"])
def test_other_machine_is_spoken_with_only_where_that_is_allowed(is_online, host):
    asked = [online_access.check, *([online_access.check_typed] if bpy.app.binary_path else [])]
    for check in asked:
        if is_online:
            check(host)
        else:
            with pytest.raises(EngineError, match="Switch on Allow Online Access"):
                check(host)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.3.2.1", "::1", "[::1]"])
def test_this_machine_is_spoken_with_in_any_case(is_online, host):
    online_access.check(host)
    online_access.check_typed(host)


@pytest.mark.skipif(bool(bpy.app.binary_path), reason="this is a real Blender, which is asked")
def test_host_that_somebody_typed_is_allowed_where_no_blender_could_be_asked(is_online):
    online_access.check_typed("192.168.1.10")
