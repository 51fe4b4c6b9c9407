from __future__ import annotations

from textual.app import App, ComposeResult

from screens.step.by_hand import LayerBar, pending_words

PENDING = {"root": 0, "security": 3, "apps-devstg": 1, "apps-prd": 0, "shared": 2}
LAYERS = [(name, pending_words(number)) for name, number in PENDING.items()]


class BarApp(App[None]):
    def compose(self) -> ComposeResult:
        yield LayerBar("Reading", lambda _account: None, id="layers")

    def lines(self) -> list[str]:
        bar = self.query_one(LayerBar)
        return [bar.render_line(y).text.rstrip() for y in range(bar.size.height)]


async def test_the_mark_stays_with_its_layer_at_any_width() -> None:
    async with BarApp().run_test(size=(54, 8)) as pilot:
        app = pilot.app
        assert isinstance(app, BarApp)
        assert app.lines() == ["Reading"]
        app.query_one(LayerBar).show(LAYERS, "apps-devstg")
        await pilot.pause()
        assert app.lines() == [
            "  root: no change     security: 3 changes",
            "▸ apps-devstg: 1 change     apps-prd: no change",
            "  shared: 2 changes",
        ]
        await pilot.resize_terminal(30, 8)
        await pilot.pause()
        assert app.lines()[2] == "▸ apps-devstg: 1 change"
        assert len(app.lines()) == 5
