"""InfluxDB 1.x: the databases that metrics go to, and questions to them."""

from guesthouse.adapters.influx.client import InfluxAdmin as InfluxAdmin
from guesthouse.adapters.influx.errors import InfluxAway as InfluxAway
from guesthouse.adapters.influx.errors import InfluxRefused as InfluxRefused
from guesthouse.adapters.influx.errors import NameRefused as NameRefused
from guesthouse.adapters.influx.errors import QueryRefused as QueryRefused
from guesthouse.adapters.influx.names import metrics_database as metrics_database
