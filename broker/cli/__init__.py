"""The command `broker`: one module for each of its commands, registered here."""

from broker.cli import deadletters, doctor, history, load, models, plot, serve, tenants
from broker.cli.city import command as city
from broker.cli.console import Commands

app = Commands(name="broker", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def broker() -> None:
    """An NGSI-LD context information broker for cities."""


app.command("serve")(serve.command)
app.command("load")(load.load)
app.command("city")(city.city)
app.command("plot")(plot.plot)
app.command("doctor")(doctor.command)
app.add_typer(tenants.app, name="tenants")
app.add_typer(history.app, name="history", help="History: what is recorded, and how long it is kept.")
app.add_typer(deadletters.app, name="deadletters")
app.add_typer(models.app, name="models")
