def test_full(site):
    people = site.populate(5000, 3000)
    a = site.cli("run", "--full", "--json"); print(a.code, a.seconds, a.err[-3000:], a.out)
    site.assert_in_step(people)
    site.forget_writes()
    b = site.cli("run", "--full", "--json"); print(b.code, b.seconds, b.err[-600:], b.out)
    assert site.writes == []
    assert b.code == 0
