import pytest
from tests.unit.test_api import *
from django.test.utils import CaptureQueriesContext
from django.db import connection
@pytest.mark.django_db(transaction=True)
def test_q(user):
    program=Program(user)
    for path, body in [("notifications/bulk", {"action": a}) for a in BULK] + [("notifications/read-all", {"up_to": 2**62}), ("topics/read", {"topic": "t"})]:
        for rows in (1,50,100):
            ids = [in_state(user, body.get("action", ""), topic="t").pk for _ in range(rows)]
            full = body | {"ids": ids} if "action" in body else body
            with CaptureQueriesContext(connection) as c: done=program.ask("POST", path, full)
            with CaptureQueriesContext(connection) as d: program.ask("POST","undo",{"token":done["undo"]["token"]})
            print(path, body, rows, len(c), len(d), len(done["undo"]["token"]))
            if rows==1 and "action" in body and body["action"] in("read","unread"): 
                for q in (d if body["action"]=="unread" else c).captured_queries: print("   ", q["sql"][:150])
            Notification.objects.all().delete()
