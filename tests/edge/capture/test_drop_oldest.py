import threading

from edge.capture.drop_oldest import DropOldestQueue


def test_the_newest_item_replaces_the_oldest() -> None:
    newest: DropOldestQueue[int] = DropOldestQueue(2)
    for item in range(5):
        newest.put(item)
    assert [newest.take(0), newest.take(0), newest.take(0)] == [3, 4, None]
    assert newest.dropped == 3


def test_who_waits_for_an_item_returns_when_the_queue_is_closed() -> None:
    newest: DropOldestQueue[int] = DropOldestQueue(2)
    taken: list[int | None] = []
    waiting = threading.Thread(target=lambda: taken.append(newest.take(60)), daemon=True)
    waiting.start()
    newest.close()
    waiting.join(10)
    assert taken == [None]


def test_what_is_left_in_a_closed_queue_can_be_taken() -> None:
    newest: DropOldestQueue[int] = DropOldestQueue(2)
    newest.put(1)
    newest.close()
    assert [newest.take(60), newest.take(60)] == [1, None]
