from edge.capture.drop_oldest import DropOldestQueue


def test_the_newest_item_replaces_the_oldest() -> None:
    newest: DropOldestQueue[int] = DropOldestQueue(2)
    for item in range(5):
        newest.put(item)
    assert [newest.take(0), newest.take(0), newest.take(0)] == [3, 4, None]
    assert newest.dropped == 3
