// Java's HTTP clients of a node; see 253_clients.t for what the lines mean.
//
// usage: java Client.java URL PEER [reuse]

import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.ProtocolException;
import java.net.URI;
import java.net.URL;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.StringJoiner;
import java.util.concurrent.Callable;

public class Client {
    record Answer(int status, String applied, String body, boolean sent) {}

    interface Kind {
        String name();

        Answer ask(String path, byte[] body, Map<String, String> headers, boolean expects) throws Exception;
    }

    static String url;
    static String peer;
    static final byte[] write = System.getenv("write_message").getBytes();
    static final byte[] read = System.getenv("read_message").getBytes();
    static byte[] tooLarge;
    static byte[] large;
    static final int tries = Integer.parseInt(System.getenv().getOrDefault("tries", "5"));

    /* buffered: the body is sent with its length when it is complete; else while it is written */
    record Connection(boolean buffered) implements Kind {
        public String name() {
            return buffered ? "HttpURLConnection" : "HttpURLConnection.streaming";
        }

        public Answer ask(String path, byte[] body, Map<String, String> headers, boolean expects) throws Exception {
            var connection = (HttpURLConnection) new URL(url + path).openConnection();
            var sent = body != null;

            connection.setReadTimeout(60000);
            headers.forEach(connection::setRequestProperty);
            if (expects)
                connection.setRequestProperty("Expect", "100-Continue");
            if (body != null) {
                connection.setRequestMethod("POST");
                connection.setDoOutput(true);
                if (!buffered)
                    connection.setFixedLengthStreamingMode(body.length);
                try (var out = connection.getOutputStream()) {
                    out.write(body);
                } catch (ProtocolException refused) {
                    sent = false;
                }
            }
            var status = connection.getResponseCode();
            try (InputStream in = status < 400 ? connection.getInputStream() : connection.getErrorStream()) {
                return new Answer(status, connection.getHeaderField("Preference-Applied"),
                    in == null ? "" : new String(in.readAllBytes()), sent);
            }
        }
    }

    record NetHttp(HttpClient client) implements Kind {
        public String name() {
            return "java.net.http";
        }

        public Answer ask(String path, byte[] body, Map<String, String> headers, boolean expects) throws Exception {
            var request = HttpRequest.newBuilder(URI.create(url + path)).timeout(Duration.ofSeconds(60)).expectContinue(expects);

            headers.forEach(request::header);
            if (body != null)
                request.POST(HttpRequest.BodyPublishers.ofByteArray(body));
            var answer = client.send(request.build(), HttpResponse.BodyHandlers.ofString());
            return new Answer(answer.statusCode(), answer.headers().firstValue("Preference-Applied").orElse(null), answer.body(), true);
        }
    }

    static String attempt(Callable<String> what) {
        try {
            return what.call();
        } catch (Exception error) {
            return error.toString().replace('\n', ' ');
        }
    }

    static void line(Kind kind, String step, Callable<String> what) {
        System.out.println(kind.name() + "\t" + step + "\t" + attempt(what));
        System.out.flush();
    }

    static void play(Kind kind, boolean expects) {
        var refused = new LinkedHashMap<String, Map<String, String>>();

        refused.put("413", Map.of());
        refused.put("415", Map.of("Content-Encoding", "br"));
        refused.put("406", Map.of("Accept-Encoding", "identity;q=0, *;q=0"));
        line(kind, "write", () -> {
            var answer = kind.ask("/", write, Map.of(), false);
            return answer.body().contains("returnCode=\"200\"") ? "" + answer.status() : answer.body();
        });
        line(kind, "read", () -> kind.ask("/", read, Map.of(), false).body().contains(">42<") ? ">42<" : "nothing");
        line(kind, "get", () -> kind.ask("/Objects/Clients/x/value", null, Map.of(), false).body());
        refused.forEach((status, headers) -> line(kind, status, () -> {
            var got = new StringJoiner(" ");
            for (int i = 0; i < tries; i++)
                got.add(attempt(() -> "" + kind.ask("/", status.equals("413") ? tooLarge : large, headers, false).status()));
            return got.toString();
        }));
        if (expects)
            line(kind, "expect", () -> {
                var answer = kind.ask("/", tooLarge, Map.of(), true);
                return answer.status() + (answer.sent() ? " sent" : " unsent");
            });
        line(kind, "again", () -> "" + kind.ask("/", read, Map.of(), false).status());
        line(kind, "held", () -> {
            var answer = kind.ask("/peer/" + peer + "_" + kind.name(), read, Map.of("Prefer", "wait=20"), false);
            return answer.status() + " " + answer.applied() + " " + (answer.body().contains("Fridge7") ? "Fridge7" : "nothing");
        });
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments[0].equals("--there"))
            return;
        url = arguments[0];
        peer = arguments[1];
        tooLarge = Files.readAllBytes(Path.of(System.getenv("too_large")));
        large = Files.readAllBytes(Path.of(System.getenv("large")));
        var client = new NetHttp(HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build());
        if (arguments.length > 2) {     /* only that, for who counts connections */
            for (int i = 0; i < 5; i++)
                new Connection(true).ask("/", read, Map.of(), false);
            for (int i = 0; i < 5; i++)
                client.ask("/", read, Map.of(), false);
            return;
        }
        play(new Connection(true), false);
        play(new Connection(false), true);
        play(client, false);
    }
}
