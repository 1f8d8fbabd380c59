// SPDX-License-Identifier: Apache-2.0

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.Statement;

/** A program with TDengine's JDBC driver in HikariCP: Load rest|ws default|set. A query each half second; a line for each: when it
 * began and ended (ms since 1970), then `ok` or what went wrong. */
class Load {
    static final long PERIOD_MS = 500;

    static HikariDataSource open(String kind, boolean set) {
        String url = "jdbc:TAOS-" + (kind.equals("ws") ? "WS" : "RS") + "://" + System.getenv("LOAD_HOST") + ":443/?useSSL=true&token="
            + System.getenv("LOAD_TOKEN");
        HikariConfig config = new HikariConfig();
        if (set) {
            url += "&httpConnectTimeout=5000" + (kind.equals("ws") ? "&messageWaitTimeout=5000" : "&httpSocketTimeout=5000");
            config.setConnectionTimeout(10_000);
            config.setValidationTimeout(1_000); // and never bypassed: programs.py
        }
        config.setJdbcUrl(url);
        config.setDriverClassName(kind.equals("ws") ? "com.taosdata.jdbc.ws.WebSocketDriver" : "com.taosdata.jdbc.rs.RestfulDriver");
        return new HikariDataSource(config);
    }

    static String query(HikariDataSource pool) {
        try (Connection connection = pool.getConnection(); Statement statement = connection.createStatement();
             ResultSet rows = statement.executeQuery("select 1")) {
            return rows.next() && rows.getLong(1) == 1 ? "ok" : "another answer";
        } catch (Exception error) {
            return error.toString().replace("\n", " ");
        }
    }

    public static void main(String[] arguments) throws InterruptedException {
        HikariDataSource pool = open(arguments[0], arguments[1].equals("set"));
        while (true) {
            long began = System.currentTimeMillis();
            String result = query(pool);
            long ended = System.currentTimeMillis();
            System.out.println(began + " " + ended + " " + result);
            Thread.sleep(Math.max(0, began + PERIOD_MS - ended));
        }
    }
}
