// SPDX-License-Identifier: GPL-3.0-or-later
// MinidnsOrder conversations|smack|openfire: reads answers, a line each, "PRIORITY:WEIGHT:PORT:HOST …",
// and prints the hosts in the order of
//
//   conversations   the HashSet of MiniDNS' DnsMessage.getAnswersFor, sorted by priority alone
//   smack           MiniDNS' SrvUtil.sortSrvRecords
//   openfire        java.util.HashSet of records whose hash is that of Openfire's SrvRecord

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.BufferedOutputStream;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.minidns.dnsmessage.DnsMessage;
import org.minidns.dnsmessage.Question;
import org.minidns.dnsname.DnsName;
import org.minidns.record.Data;
import org.minidns.record.Record;
import org.minidns.record.SRV;
import org.minidns.util.SrvUtil;

public class MinidnsOrder {
    static final DnsName OWNER = DnsName.from("_xmpp-client._tcp.example.org");
    static final Question QUESTION = new Question(OWNER, Record.TYPE.SRV, Record.CLASS.IN);

    static final class OpenfireRecord {
        final String host;
        final int port, priority, weight;

        OpenfireRecord(SRV srv) {
            host = srv.target.toString();
            port = srv.port;
            priority = srv.priority;
            weight = srv.weight;
        }

        @Override
        public int hashCode() {
            return Objects.hash(host, port, false, priority, weight);
        }

        @Override
        public boolean equals(Object other) {
            return this == other;
        }
    }

    // The answer as it came over the wire, read by MiniDNS.
    static DnsMessage read(String line) throws Exception {
        List<Record<? extends Data>> records = new ArrayList<>();
        for (String word : line.split(" ")) {
            String[] part = word.split(":");
            SRV srv = new SRV(Integer.parseInt(part[0]), Integer.parseInt(part[1]),
                    Integer.parseInt(part[2]), DnsName.from(part[3]));
            records.add(new Record<>(OWNER, Record.TYPE.SRV, Record.CLASS.IN, 60, srv, false));
        }
        byte[] wire = DnsMessage.builder().setQuestion(QUESTION).setQrFlag(true)
                .setAnswers(records).build().toArray();
        return new DnsMessage(wire);
    }

    static Collection<?> order(String mode, DnsMessage message) {
        Set<SRV> answers = message.getAnswersFor(QUESTION);
        if (mode.equals("smack"))
            return SrvUtil.sortSrvRecords(answers);
        if (mode.equals("conversations")) {
            List<SRV> list = new ArrayList<>(answers);
            list.sort(Comparator.comparingInt(srv -> srv.priority)); // stable
            return list;
        }
        Set<OpenfireRecord> set = new HashSet<>();
        for (Record<? extends Data> record : message.answerSection)
            set.add(new OpenfireRecord((SRV) record.payloadData));
        return set;
    }

    static String host(Object record) {
        return record instanceof SRV ? ((SRV) record).target.toString()
                                     : ((OpenfireRecord) record).host;
    }

    public static void main(String[] arguments) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        PrintStream out = new PrintStream(new BufferedOutputStream(System.out));
        Map<String, DnsMessage> known = new HashMap<>();
        for (String line; (line = in.readLine()) != null;) {
            StringBuilder hosts = new StringBuilder();
            if (!known.containsKey(line))
                known.put(line, read(line));
            for (Object record : order(arguments[0], known.get(line)))
                hosts.append(hosts.length() == 0 ? "" : " ").append(host(record));
            out.println(hosts);
        }
        out.flush();
    }
}
